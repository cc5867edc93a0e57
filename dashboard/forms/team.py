"""The forms of a team's page: its time zone, a registry login."""

from django.http import QueryDict

from dashboard.forms.typed import TypedForm

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


class TimeZoneForm(TypedForm):
    """The clock that a team's schedules go by."""

    @classmethod
    def typed(cls, data: QueryDict) -> "TimeZoneForm":
        form = cls()
        form.read(data, ("time_zone",))
        return form
