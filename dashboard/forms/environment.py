"""Rows of environment variables and secrets as the form shows them.

A secret value goes one way: it is read from the browser and never written back to a page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from django.http import QueryDict

from k8s.spec import EnvVar

# What a row stands for besides what was typed; travels in a hidden field of the row.
KEPT = "kept"
"""A stored secret: an empty value leaves it as it is."""
LOST = "lost"
"""A secret was typed here and the form came back: it has to be typed again."""
OFFERED = "offered"
"""The version knows this variable; an empty value leaves it out."""

BLANK_ROWS = 2
_COLUMNS = ("env.name", "env.value", "env.kind", "env.state")


@dataclass
class EnvRow:
    """One variable. `kind` is "text" or "secret"; `description` and `required` are the version's words."""

    name: str = ""
    value: str = ""
    kind: str = "text"
    state: str = ""
    description: str = ""
    required: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def secret(self) -> bool:
        return self.kind == "secret"

    @property
    def sent(self) -> bool:
        """Whether this row asks for a variable."""
        return bool(self.value or (self.name and self.state != OFFERED))

    @property
    def waits(self) -> bool:
        """Whether something has to be typed here."""
        missing = self.secret and self.name and self.state not in {KEPT, OFFERED}
        return not self.value and self.state != KEPT and bool(self.required or missing)

    @property
    def shown_value(self) -> str:
        return "" if self.secret else self.value

    def entry(self) -> dict[str, object]:
        """The variable in the API's payload."""
        if not self.secret:
            return {"name": self.name, "value": self.value}
        if not self.value:
            return {"name": self.name, "secret": True}
        return {"name": self.name, "secret": True, "value": self.value}


def typed_rows(data: QueryDict) -> list[EnvRow]:
    """The rows a browser sent, without those that say nothing."""
    lists = [data.getlist(column) for column in _COLUMNS]
    rows = []
    for name, value, kind, state in zip_longest(*lists, fillvalue=""):
        # Text areas send the line ends of RFC 2046; a variable has those of its program.
        row = EnvRow(name.strip(), value.replace("\r\n", "\n"), state=state)
        row.kind = "secret" if kind == "secret" else "text"
        if row.name or row.value:
            rows.append(row)
    return rows


def stored_rows(env: Iterable[EnvVar]) -> list[EnvRow]:
    """What a deployment has now; secrets without their values."""
    return [
        EnvRow(one.name, kind="secret", state=KEPT) if one.secret else EnvRow(one.name, one.value)
        for one in env
    ]


def with_schema(
    rows: list[EnvRow], schema: Iterable[Mapping[str, object]], *, fill: bool = True
) -> list[EnvRow]:
    """The rows with the version's words beside them, and a row for each variable it knows besides.

    Rows that only an earlier choice offered, and nobody filled in, are dropped. `fill` puts the
    version's defaults into new rows.
    """
    known = {str(entry["name"]): entry for entry in schema}
    kept = [row for row in rows if row.name in known or row.sent]
    for row in kept:
        entry = known.get(row.name, {})
        row.description = str(entry.get("description") or "")
        row.required = bool(entry.get("required"))
    there = {row.name for row in kept}
    return kept + [_offered(entry, fill=fill) for name, entry in known.items() if name not in there]


def _offered(entry: Mapping[str, object], *, fill: bool) -> EnvRow:
    secret = bool(entry.get("secret"))
    return EnvRow(
        name=str(entry["name"]),
        # The default of a secret would be shown to everybody.
        value="" if secret or not fill else str(entry.get("default") or ""),
        kind="secret" if secret else "text",
        state=OFFERED,
        description=str(entry.get("description") or ""),
        required=bool(entry.get("required")),
    )
