"""The sentences of a failed validation, as Kubernetes writes them, and the checks of names and labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from k8s.local.errors import Cause

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_DNS1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_ENV_NAME: Final = "[ -<>-~]+"

_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_SUBDOMAIN}')"
)
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_LABEL}')"
)
_DNS1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
    f"validation is '{_DNS1035}')"
)
_QUALIFIED_TEXT: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}')"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    f"for validation is '{_VALUE}')"
)
_CONFIG_KEY_TEXT: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    f"'KEY_NAME',  or 'key-name', regex used for validation is '{_CONFIG_KEY}')"
)


def go_value(value: Any) -> str:
    """A value as messages show it: strings quoted, objects as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(field: str, value: Any, why: str) -> Cause:
    """The field has a value that it must not have."""
    return Cause("FieldValueInvalid", f"Invalid value: {go_value(value)}: {why}", field)


def required(field: str, why: str = "") -> Cause:
    """The field must be there."""
    return Cause("FieldValueRequired", f"Required value: {why}" if why else "Required value", field)


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """The field must have one of a few values."""
    known = ", ".join(go_value(each) for each in sorted(supported))
    return Cause(
        "FieldValueNotSupported", f"Unsupported value: {go_value(value)}: supported values: {known}", field
    )


def duplicate(field: str, value: Any) -> Cause:
    """Another item has this value already."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {go_value(value)}", field)


def forbidden(field: str, why: str) -> Cause:
    """The field must not be set, or not changed."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def not_found(field: str, value: Any) -> Cause:
    """The field names something that is not there."""
    return Cause("FieldValueNotFound", f"Not found: {go_value(value)}", field)


def subdomain(field: str, value: str) -> list[Cause]:
    """A DNS subdomain of at most 253 characters."""
    return _name(field, value, _SUBDOMAIN, 253, _SUBDOMAIN_TEXT)


def dns_label(field: str, value: str) -> list[Cause]:
    """A DNS label of at most 63 characters."""
    return _name(field, value, _LABEL, 63, _LABEL_TEXT)


def dns1035_label(field: str, value: str) -> list[Cause]:
    """A DNS label that starts with a letter: what a Service's name has to be."""
    return _name(field, value, _DNS1035, 63, _DNS1035_TEXT)


def config_key(field: str, value: str) -> list[Cause]:
    """A key of a ConfigMap or a Secret."""
    return _name(field, value, _CONFIG_KEY, 253, _CONFIG_KEY_TEXT)


def env_name(field: str, value: str) -> list[Cause]:
    """A name of an environment variable: printable ASCII without "="."""
    if re.fullmatch(_ENV_NAME, value):
        return []
    why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
    return [invalid(field, value, why)]


def _name(field: str, value: str, pattern: str, limit: int, why: str) -> list[Cause]:
    found = []
    if len(value) > limit:
        found.append(invalid(field, value, f"must be no more than {limit} characters"))
    if not re.fullmatch(pattern, value):
        found.append(invalid(field, value, why))
    return found


def qualified_name(field: str, value: str) -> list[Cause]:
    """A key of a label or annotation: an optional DNS prefix and a name."""
    prefix, slash, name = value.rpartition("/")
    found = []
    if slash:
        if not prefix:
            found.append(invalid(field, value, "prefix part must be non-empty"))
        elif not re.fullmatch(_SUBDOMAIN, prefix):
            found.append(invalid(field, value, f"prefix part {_SUBDOMAIN_TEXT}"))
    if not name:
        found.append(invalid(field, value, "name part must be non-empty"))
    elif len(name) > 63:
        found.append(invalid(field, value, "name part must be no more than 63 characters"))
    if not re.fullmatch(_QUALIFIED, name):
        found.append(invalid(field, value, _QUALIFIED_TEXT))
    return found


def labels(field: str, value: Mapping[str, str]) -> list[Cause]:
    """Keys and values of labels."""
    found: list[Cause] = []
    for key, text in value.items():
        found += qualified_name(field, key)
        if len(text) > 63:
            found.append(invalid(field, text, "must be no more than 63 characters"))
        if not re.fullmatch(_VALUE, text):
            found.append(invalid(field, text, _VALUE_TEXT))
    return found


def at_least(field: str, value: Any, bound: int = 0) -> list[Cause]:
    """A number that is not below ``bound``; nothing to say when it is absent."""
    if value is None or value >= bound:
        return []
    return [
        invalid(
            field, value, f"must be greater than {'or equal to ' if bound == 0 else ''}{max(0, bound - 1)}"
        )
    ]


def port(field: str, value: int) -> list[Cause]:
    """A port number."""
    if 1 <= value <= 65535:
        return []
    return [invalid(field, value, "must be between 1 and 65535, inclusive")]


def one_of(field: str, value: Any, supported: Iterable[str]) -> list[Cause]:
    """A value from a list."""
    return [] if value in supported else [unsupported(field, value, supported)]
