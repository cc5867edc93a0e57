"""Reading a JSON object strictly, collecting every mistake with its path."""

from collections.abc import Collection, Mapping
from typing import Any

from deployments.errors import FieldError, InvalidInput

MISSING: Any = object()
MOST_ERRORS = 100
"""More are not told: a body of many small mistakes would have an answer of many times its size."""


class Reader:
    """One JSON object being read.

    Getters return the default when a field is missing *or wrong*: the mistake is
    kept in `errors`, shared with the sections inside, and `finish` raises them all.
    """

    def __init__(self, payload: object, *, path: str = "", errors: list[FieldError] | None = None) -> None:
        self.errors: list[FieldError] = [] if errors is None else errors
        self.path = path
        self._payload: Mapping[str, Any] = {}
        if isinstance(payload, Mapping):
            self._payload = payload
        else:
            self.errors.append(FieldError(path, "This must be an object with named fields.", "not_an_object"))

    def __contains__(self, field: str) -> bool:
        return field in self._payload

    def raw(self, field: str) -> Any:
        return self._payload.get(field, MISSING)

    def wrong(self, field: str, message: str, code: str = "invalid") -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(FieldError(self.where(field), message, code))

    def where(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field

    def allow_only(self, fields: Collection[str], *, read_only: Collection[str] = ()) -> None:
        """Refuses every other field; those in `read_only` with the reason that they cannot be changed."""
        for field in self._payload:
            if field in read_only:
                self.wrong(field, "This field cannot be changed.", "read_only")
            elif field not in fields:
                known = ", ".join(sorted(fields))
                self.wrong(str(field), f"There is no such field. Known fields: {known}.", "unknown_field")

    def text(self, field: str, default: str = "", *, required: bool = False, longest: int = 300) -> str:
        value = self.raw(field)
        if value is MISSING or (value is None and not required):
            if required:
                self.wrong(field, "This field is required.", "required")
            return default
        if not isinstance(value, str):
            self.wrong(field, "This must be text.", "not_text")
            return default
        if required and not value.strip():
            self.wrong(field, "This field is required.", "required")
            return default
        if len(value) > longest:
            self.wrong(field, f"At most {longest} characters.", "too_long")
            return default
        if "\x00" in value:
            self.wrong(field, "This must not contain NUL characters.", "invalid")
            return default
        return value

    def integer(self, field: str, default: int, *, least: int, most: int, what: str = "This") -> int:
        value = self.raw(field)
        if value is MISSING:
            return default
        # bool is an int in Python, and not a count to anybody.
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(field, f"{what} must be a whole number.", "not_a_number")
            return default
        if not least <= value <= most:
            self.wrong(field, f"{what} must be from {least} to {most}.", "out_of_range")
            return default
        return value

    def optional_integer(
        self, field: str, default: int | None, *, least: int, most: int, what: str = "This"
    ) -> int | None:
        """As `integer`; null says that there is none."""
        if self.raw(field) is None:
            return None
        if field not in self:
            return default
        return self.integer(field, least, least=least, most=most, what=what)

    def boolean(self, field: str, default: bool) -> bool:
        value = self.raw(field)
        if value is MISSING:
            return default
        if not isinstance(value, bool):
            self.wrong(field, "This must be true or false.", "not_a_boolean")
            return default
        return value

    def choice(self, field: str, default: str, options: Collection[str]) -> str:
        value = self.raw(field)
        if value is MISSING:
            return default
        if not isinstance(value, str) or value not in options:
            self.wrong(field, f"Choose one of: {', '.join(options)}.", "not_a_choice")
            return default
        return value

    def section(self, field: str) -> "Reader":
        """The object in `field`; empty when it is missing."""
        value = self.raw(field)
        return Reader({} if value is MISSING else value, path=self.where(field), errors=self.errors)

    def finish(self) -> None:
        """Raises: InvalidInput with all mistakes so far."""
        if self.errors:
            raise InvalidInput(self.errors)
