"""JSON, strictly: what is ambiguous or cannot be stored is refused instead of guessed."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from deployments.api.problems import MAX_BODY_BYTES, malformed, too_large
from deployments.spec.json_text import UnusableJson, parse_json


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
        value = parse_json(raw.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise malformed("The body is not UTF-8.") from exc
    except UnusableJson as exc:
        # The name may be half a character itself: no answer could carry it.
        field = exc.name if exc.name.isprintable() else ""
        raise malformed(f"The body cannot be used. {_writable(str(exc))}", field=field or "$") from exc
    except ValueError as exc:
        raise malformed(f"The body is not JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise malformed("The body must be a JSON object.")
    return value


def _writable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _length(header: str | None) -> int:
    return int(header) if header and header.isascii() and header.isdigit() else 0
