"""Payloads about models and versions, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from deployments.models import Model, ModelVersion
from deployments.spec import fields
from deployments.spec.env import check_env_name
from deployments.spec.images import MAX_IMAGE_LENGTH, parse_image
from deployments.spec.reader import MISSING, Reader
from deployments.spec.sizes import default_size

_MODEL_FIELDS = ("description", "task")
_MOST_VARIABLES = 100
_MOST_LINKS = 20
_WEB_ADDRESS = re.compile(r"https?://[!-~]+")
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
    "env_schema",
    "links",
    "run_as_user",
)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    name: str
    description: str
    task: str
    archived: bool = False


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
    env_schema: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, str]] = field(default_factory=list)
    run_as_user: int | None = None
    archived: bool = False


def parse_model(payload: Mapping[str, Any], *, current: Model | None = None) -> ModelRequest:
    """A new model, or a change to `current`, whose name stays.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    read_only = ("team", "versions", "links", "created_at", "updated_at", "archived_at")
    if current is None:
        reader.allow_only(("name", *_MODEL_FIELDS), read_only=read_only)
        name = reader.text("name", required=True, longest=1000)
        fields.check_name(reader, "name", name, starts_with_letter=False)
    else:
        reader.allow_only((*_MODEL_FIELDS, "archived"), read_only=("name", *read_only))
        name = current.name
    request = ModelRequest(
        name=name,
        description=reader.text("description", current.description if current else "", longest=5000),
        task=reader.text("task", current.task if current else "", longest=60),
        archived=reader.boolean("archived", bool(current and current.archived_at)),
    )
    reader.finish()
    return request


def parse_version(payload: Mapping[str, Any], *, current: ModelVersion | None = None) -> VersionRequest:
    """A new version, or a change to `current`, whose number stays.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    read_only = ("deployments", "model", "team", "created_at", "updated_at", "archived_at")
    if current is None:
        reader.allow_only(("version", *_VERSION_FIELDS), read_only=read_only)
        version = reader.text("version", required=True, longest=1000)
        fields.check_version(reader, "version", version)
    else:
        reader.allow_only((*_VERSION_FIELDS, "archived"), read_only=("version", *read_only))
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
        env_schema=_read_schema(reader, current.env_schema if current else []),
        links=_read_links(reader, current.links if current else []),
        run_as_user=reader.optional_integer(
            "run_as_user",
            current.run_as_user if current else None,
            least=0,
            most=fields.MOST_USER_ID,
            what="A user id",
        ),
        archived=reader.boolean("archived", bool(current and current.archived_at)),
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
    if reader.raw("resources") is None:
        # Chosen with each deployment, as for a version that never said any.
        return {}
    base = msgspec.structs.replace(default_size(), **stored)
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


def _read_schema(reader: Reader, default: list[dict[str, Any]]) -> list[dict[str, Any]]:
    given = reader.raw("env_schema")
    if given is MISSING:
        return default
    if not isinstance(given, list) or len(given) > _MOST_VARIABLES:
        text = f"This must be a list of at most {_MOST_VARIABLES} variables."
        reader.wrong("env_schema", text, "not_a_list")
        return default
    rules = [
        _read_rule(Reader(item, path=f"env_schema[{index}]", errors=reader.errors))
        for index, item in enumerate(given)
    ]
    names = [rule["name"] for rule in rules]
    for index, name in enumerate(names):
        if name and name in names[:index]:
            reader.wrong(f"env_schema[{index}].name", f"{name} is there already.", "doubled")
    return rules


def _read_rule(section: Reader) -> dict[str, Any]:
    section.allow_only(("name", "description", "default", "required", "secret"))
    name = section.text("name", required=True, longest=200)
    check_env_name(section, name)
    secret = section.boolean("secret", False)
    default = section.text("default", longest=1000)
    if secret and default:
        section.wrong("default", "A secret has no default: everybody could read it here.", "not_applicable")
    return {
        "name": name,
        "description": section.text("description", longest=300),
        "default": default,
        "required": section.boolean("required", False),
        "secret": secret,
    }


def _read_links(reader: Reader, default: list[dict[str, str]]) -> list[dict[str, str]]:
    given = reader.raw("links")
    if given is MISSING:
        return default
    if not isinstance(given, list) or len(given) > _MOST_LINKS:
        reader.wrong("links", f"This must be a list of at most {_MOST_LINKS} links.", "not_a_list")
        return default
    return [
        _read_link(Reader(item, path=f"links[{index}]", errors=reader.errors))
        for index, item in enumerate(given)
    ]


def _read_link(section: Reader) -> dict[str, str]:
    section.allow_only(("title", "url"))
    url = section.text("url", required=True, longest=1000)
    # Anything else, "javascript:" above all, would be run by whoever clicks on it.
    if url and not _WEB_ADDRESS.fullmatch(url):
        section.wrong("url", "Begin with https:// or http:// and use no spaces.", "invalid_url")
    return {"title": section.text("title", longest=100), "url": url}
