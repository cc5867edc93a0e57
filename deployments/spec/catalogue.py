"""Payloads about models and versions, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from deployments.models import Model, ModelVersion
from deployments.spec import fields
from deployments.spec.images import MAX_IMAGE_LENGTH, parse_image
from deployments.spec.reader import MISSING, Reader
from k8s.spec import PRESETS

_MODEL_FIELDS = ("description", "task")
_VERSION_FIELDS = (
    "image",
    "digest",
    "framework",
    "description",
    "port",
    "health_path",
    "preset",
    "resources",
    "sample_request",
)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    name: str
    description: str
    task: str


@dataclass(frozen=True, slots=True)
class VersionRequest:
    version: str
    image: str
    digest: str | None
    framework: str
    description: str
    port: int
    health_path: str
    resources: dict[str, Any] = field(default_factory=dict)
    sample_request: dict[str, Any] | None = None


def parse_model(payload: Mapping[str, Any], *, current: Model | None = None) -> ModelRequest:
    """A new model, or a change to `current`, whose name stays.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    read_only = ("team", "versions", "links", "created_at", "updated_at")
    if current is None:
        reader.allow_only(("name", *_MODEL_FIELDS), read_only=read_only)
        name = reader.text("name", required=True, longest=1000)
        fields.check_name(reader, "name", name, starts_with_letter=False)
    else:
        reader.allow_only(_MODEL_FIELDS, read_only=("name", *read_only))
        name = current.name
    request = ModelRequest(
        name=name,
        description=reader.text("description", current.description if current else "", longest=5000),
        task=reader.text("task", current.task if current else "", longest=60),
    )
    reader.finish()
    return request


def parse_version(payload: Mapping[str, Any], *, current: ModelVersion | None = None) -> VersionRequest:
    """A new version, or a change to `current`, whose number stays.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    read_only = ("deployments", "model", "team", "links", "created_at", "updated_at")
    if current is None:
        reader.allow_only(("version", *_VERSION_FIELDS), read_only=read_only)
        version = reader.text("version", required=True, longest=1000)
        fields.check_version(reader, "version", version)
    else:
        reader.allow_only(_VERSION_FIELDS, read_only=("version", *read_only))
        version = current.version
    request = VersionRequest(
        version=version,
        image=_read_image(reader, current),
        digest=reader.text("digest", longest=100) or None
        if "digest" in reader
        else (current.digest if current else None),
        framework=reader.text("framework", current.framework if current else "", longest=60),
        description=reader.text("description", current.description if current else "", longest=5000),
        port=fields.read_port(reader, "port", current.port if current else 8080),
        health_path=fields.read_health_path(reader, current.health_path if current else "/healthz"),
        resources=_read_resources(reader, current),
        sample_request=_read_sample(reader, current),
    )
    reader.finish()
    return request


def _read_image(reader: Reader, current: ModelVersion | None) -> str:
    if current is not None and "image" not in reader:
        return current.image
    image = reader.text("image", required=True, longest=MAX_IMAGE_LENGTH)
    if image:
        try:
            parse_image(image)
        except ValueError:
            reader.wrong("image", "This is not an image reference.", "invalid_image")
    return image


def _read_resources(reader: Reader, current: ModelVersion | None) -> dict[str, Any]:
    stored: dict[str, Any] = current.resources if current else {}
    if "resources" not in reader and "preset" not in reader:
        return stored
    base = msgspec.structs.replace(PRESETS["small"], **stored)
    built: dict[str, Any] = msgspec.to_builtins(fields.read_resources(reader, base))
    return built


def _read_sample(reader: Reader, current: ModelVersion | None) -> dict[str, Any] | None:
    given = reader.raw("sample_request")
    if given is MISSING:
        return current.sample_request if current else None
    if given is None:
        return None
    section = reader.section("sample_request")
    section.allow_only(("path", "method", "body"))
    path = section.text("path", "/", longest=500)
    if not path.startswith("/"):
        section.wrong("path", "Begin with /.", "invalid_path")
    sample: dict[str, Any] = {"path": path, "method": section.choice("method", "POST", fields.HTTP_METHODS)}
    if "body" in section:
        sample["body"] = section.raw("body")
    return sample
