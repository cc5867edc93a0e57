"""How answers are written: JSON from msgspec structs, manifests also as YAML."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer

from k8s import manifests


class StructRenderer(BaseRenderer):
    """JSON of msgspec structs, dataclasses and plain values; times in RFC 3339."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


class ManifestRenderer(BaseRenderer):
    """Kubernetes objects as YAML documents, as `kubectl apply -f -` takes them."""

    media_type = "application/yaml"
    format = "yaml"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> str:
        return manifests.to_yaml(list(data.manifests))


class PlainTextRenderer(BaseRenderer):
    """Text that a view has written already."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> str:
        return str(data)


class AuditCsvRenderer(PlainTextRenderer):
    """A page of the audit whose one result is the CSV of all its rows."""

    media_type = "text/csv"
    format = "csv"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> str:
        return "".join(data["results"])


class ServerSentEvents(PlainTextRenderer):
    """Takes part in content negotiation only: streams are written by `streams`."""

    media_type = "text/event-stream"
    format = "sse"
