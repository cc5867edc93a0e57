"""JSON that people send, read strictly: once for the API's bodies and for JSON typed into forms."""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Objects and lists inside one another. Writers of JSON recurse: what is read must be writable everywhere."""


class UnusableJson(ValueError):
    """JSON, perhaps, but ambiguous or not to be stored. `name` is the object's member in question, or ""."""

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(reason)
        self.name = name


def parse_json(text: str) -> Any:
    """The value that `text` means, without NaN, repeated names or text that no database stores.

    Raises:
        json.JSONDecodeError: not JSON.
        UnusableJson: JSON that cannot be used.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_not_a_number, parse_float=_finite)
    except RecursionError as exc:
        raise UnusableJson("It is nested too deeply.") from exc
    except (json.JSONDecodeError, UnusableJson):
        raise
    except ValueError as exc:
        # Python refuses to read integers of thousands of digits.
        raise UnusableJson("A number in it is too large.") from exc
    _refuse_unstorable(value)
    return value


def nested_too_deeply(value: object) -> bool:
    """Whether there are more than `MAX_DEPTH` objects and lists inside one another."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for part in level for inner in _parts(part)]
        if not level:
            return False
    return True


def _refuse_unstorable(value: object) -> None:
    """Lone surrogates are no Unicode text, and PostgreSQL cannot store NUL."""
    if nested_too_deeply(value):
        raise UnusableJson("It is nested too deeply.")
    level = [value]
    while level:
        texts = [part for part in level if isinstance(part, str)]
        texts += [name for part in level if isinstance(part, dict) for name in part]
        if any("\0" in text or not _encodable(text) for text in texts):
            raise UnusableJson("It holds text with a NUL or half a character (a lone surrogate).")
        level = [inner for part in level for inner in _parts(part)]


def _parts(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise UnusableJson(f'"{name}" appears twice in one object.', name)
        found[name] = value
    return found


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_a_number(constant: str) -> NoReturn:
    raise UnusableJson(f"{constant} is not a JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnusableJson("A number in it is too large.")
    return number
