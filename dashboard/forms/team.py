"""The forms of a team's page: its time zone, a registry login, a quota."""

from collections.abc import Sequence

from django.http import QueryDict

from dashboard.forms.deployment import as_number
from dashboard.forms.typed import TypedForm
from deployments.models import Quota
from deployments.quotas import RESOURCES, Resource, ceiling_of
from deployments.spec.quotas import as_text

TEAM_FIELDS = ("name", "title", "time_zone", "cluster")
REGISTRY_FIELDS = ("registry", "username")


class RegistryForm(TypedForm):
    """A login to a container registry. The password never comes back, not even after a mistake."""

    password: str = ""

    @classmethod
    def blank(cls) -> "RegistryForm":
        return cls(values=dict.fromkeys((*REGISTRY_FIELDS, "password"), ""))

    @classmethod
    def typed(cls, data: QueryDict) -> "RegistryForm":
        form = cls()
        form.read(data, REGISTRY_FIELDS)
        # As it was typed: a password may begin or end with a space. Not in `values`, which the page shows.
        form.values["password"] = ""
        form.password = data.get("password", "")
        return form

    def payload(self) -> dict[str, object]:
        """What is left empty stays as it is stored."""
        named = {name: self.values[name] for name in REGISTRY_FIELDS} | {"password": self.password}
        return {name: text for name, text in named.items() if text}


class TeamForm(TypedForm):
    """A new team; or with its title alone one that there is."""

    @classmethod
    def blank(cls) -> "TeamForm":
        return cls(values=dict.fromkeys(TEAM_FIELDS, "") | {"time_zone": "UTC"})

    @classmethod
    def typed(cls, data: QueryDict, fields: Sequence[str] = ("title",)) -> "TeamForm":
        form = cls()
        form.read(data, fields)
        return form

    def payload(self) -> dict[str, object]:
        """An empty title is none; what else is empty is left to the domain."""
        return {name: text for name, text in self.values.items() if text or name in ("name", "title")}


class TimeZoneForm(TypedForm):
    """The clock that a team's schedules go by."""

    @classmethod
    def typed(cls, data: QueryDict) -> "TimeZoneForm":
        form = cls()
        form.read(data, ("time_zone",))
        return form


class QuotaForm(TypedForm):
    """Limits of a team in a cluster, and their ceilings where an admin has the form. Empty is no limit."""

    @classmethod
    def typed(cls, data: QueryDict, *, with_ceilings: bool) -> "QuotaForm":
        form = cls()
        form.read(data, quota_fields(with_ceilings=with_ceilings))
        return form

    @classmethod
    def of(cls, quota: Quota | None) -> "QuotaForm":
        """As it is: the team's own limits, not those that a ceiling makes."""
        values = dict.fromkeys(quota_fields(with_ceilings=True), "")
        for name in RESOURCES if quota else ():
            amounts = {"limit": getattr(quota, name), "ceiling": ceiling_of(quota, name) if quota else None}
            for word, value in amounts.items():
                values[f"{name}.{word}"] = "" if value is None else as_text(name, value)
        return cls(values=values)

    def payload(self) -> dict[str, dict[str, object]]:
        """What the domain reads."""
        found: dict[str, dict[str, object]] = {name: {} for name in RESOURCES}
        for path, text in self.values.items():
            name, _, word = path.partition(".")
            found[name][word] = None if not text else text if name in AMOUNTS else as_number(text)
        return found


AMOUNTS: tuple[Resource, ...] = ("cpu", "memory")
"""What is written as a quantity; the others are counts."""


def quota_fields(*, with_ceilings: bool) -> list[str]:
    words = ("limit", "ceiling") if with_ceilings else ("limit",)
    return [f"{name}.{word}" for name in RESOURCES for word in words]
