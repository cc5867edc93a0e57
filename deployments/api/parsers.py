"""JSON, strictly: what is ambiguous or cannot be stored is refused instead of guessed."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from deployments.api.problems import MAX_BODY_BYTES, malformed, too_large


class StrictJSONParser(BaseParser):
    """A JSON object of at most 1 MB in UTF-8, without NaN, repeated names or text no database stores."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, object]:
        """
        Raises:
            Malformed, TooLarge: 400 or 413, with the reason.
        """
        declared = (parser_context or {}).get("request")
        if declared is not None and _length(declared.META.get("CONTENT_LENGTH")) > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES)
        raw = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES)
        return parse_object(raw)


class MergePatchParser(StrictJSONParser):
    """The same under the name that RFC 7396 gives to what PATCH does here."""

    media_type = "application/merge-patch+json"


def parse_object(raw: bytes) -> dict[str, object]:
    """The JSON object in `raw`.

    Raises:
        Malformed: 400, with the reason.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_not_a_number,
            parse_float=_finite,
        )
    except UnicodeDecodeError as exc:
        raise malformed("The body is not UTF-8.") from exc
    except RecursionError as exc:
        raise malformed("The body is nested too deeply.") from exc
    except ValueError as exc:
        raise malformed(f"The body is not JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise malformed("The body must be a JSON object.")
    return value


def _length(header: str | None) -> int:
    return int(header) if header and header.isascii() and header.isdigit() else 0


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        _refuse_unstorable(name)
        _refuse_unstorable(value)
        if name in found:
            raise malformed(f'"{name}" appears twice in one object.', field=name)
        found[name] = value
    return found


def _refuse_unstorable(value: object) -> None:
    """Lone surrogates are no Unicode text, and PostgreSQL cannot store NUL."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    for text in texts:
        if isinstance(text, list):
            _refuse_unstorable(text)
        elif isinstance(text, str) and ("\0" in text or not _encodable(text)):
            raise malformed("The body holds text with a NUL or half a character (a lone surrogate).")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_a_number(constant: str) -> NoReturn:
    raise malformed(f"{constant} is not a JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise malformed("A number in the body is too large.")
    return number
