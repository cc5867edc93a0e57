"""The forms of the catalogue: a model, a version of it."""

import json
from typing import Any

import msgspec
from django.http import QueryDict

from dashboard.forms.deployment import as_number
from dashboard.forms.typed import ListField, Row, TypedForm
from deployments.models import Model, ModelVersion
from deployments.spec.json_text import UnusableJson, parse_json
from deployments.spec.sizes import default_size

MODEL_FIELDS = ("name", "task", "description")
VERSION_TEXTS = ("image", "framework", "digest", "health_path", "description")
VERSION_NUMBERS = ("port", "run_as_user")
RESOURCE_FIELDS = ("cpu", "memory", "cpu_limit", "memory_limit", "gpu")
SAMPLE_FIELDS = ("sample_request.path", "sample_request.method", "sample_request.body")
VERSION_FIELDS = (
    "version",
    *VERSION_TEXTS,
    *VERSION_NUMBERS,
    *(f"resources.{name}" for name in RESOURCE_FIELDS),
    *SAMPLE_FIELDS,
)
# One choice instead of two boxes: a browser sends every row's, so that rows stay together.
VARIABLE_KINDS = ("optional", "required", "secret", "required secret")
ENV_SCHEMA = ListField("env_schema", ("name", "description", "default"), {"kind": "optional"})
LINKS = ListField("links", ("title", "url"))


class ModelForm(TypedForm):
    """What a model is called and what it does."""

    @classmethod
    def typed(cls, data: QueryDict) -> "ModelForm":
        form = cls()
        form.read(data, MODEL_FIELDS)
        return form

    @classmethod
    def of(cls, model: Model) -> "ModelForm":
        return cls(values={"task": model.task, "description": model.description})

    def payload(self, *, changing: bool = False) -> dict[str, object]:
        """The API's payload; a name is given once and stays."""
        return {name: text for name, text in self.values.items() if name != "name" or not changing}


class VersionForm(TypedForm):
    """A version: its image, what it needs, what whoever deploys it may set."""

    @classmethod
    def blank(cls) -> "VersionForm":
        """What a new version starts as."""
        values = {**dict.fromkeys(VERSION_FIELDS, ""), "port": "8080", "health_path": "/healthz"}
        return cls(values=values, lists=(ENV_SCHEMA, LINKS))

    @classmethod
    def typed(cls, data: QueryDict) -> "VersionForm":
        form = cls(lists=(ENV_SCHEMA, LINKS))
        form.read(data, VERSION_FIELDS)
        return form

    @classmethod
    def of(cls, version: ModelVersion) -> "VersionForm":
        """A version as it is now."""
        form = cls.blank()
        for name in ("version", *VERSION_TEXTS, *VERSION_NUMBERS):
            form.values[name] = as_text(getattr(version, name))
        for name in RESOURCE_FIELDS:
            form.values[f"resources.{name}"] = as_text(version.resources.get(name))
        sample = version.sample_request
        if sample:
            form.values["sample_request.path"] = as_text(sample.get("path"))
            form.values["sample_request.method"] = as_text(sample.get("method"))
            if "body" in sample:
                form.values["sample_request.body"] = json.dumps(sample["body"], indent=2, ensure_ascii=False)
        form.rows = {
            "env_schema": [variable_row(entry) for entry in version.env_schema],
            "links": [
                Row({"title": as_text(e.get("title")), "url": as_text(e.get("url"))}) for e in version.links
            ],
        }
        return form

    def payload(self, *, changing: bool = False) -> dict[str, object]:
        """The API's payload. An empty field is left to its default; a changed version loses it."""
        result: dict[str, object] = {} if changing else {"version": self.values["version"]}
        for name in VERSION_TEXTS:
            if changing or self.values[name]:
                result[name] = self.values[name]
        for name in VERSION_NUMBERS:
            if self.values[name]:
                result[name] = as_number(self.values[name])
            elif changing:
                result[name] = None
        if changing or self.resources():
            result["resources"] = self.resources()
        result |= {"sample_request": self.sample()} if changing or self.has_sample else {}
        lists = {
            "env_schema": [variable_of(row) for row in self.rows["env_schema"]],
            "links": [dict(row.cells) for row in self.rows["links"]],
        }
        return result | {name: rows for name, rows in lists.items() if rows or changing}

    def resources(self) -> dict[str, object] | None:
        """What a replica gets; what is empty is the first size's. None when nothing was chosen."""
        typed = {name: self.values[f"resources.{name}"] for name in RESOURCE_FIELDS}
        chosen = {name: as_number(text) if name == "gpu" else text for name, text in typed.items() if text}
        return {**msgspec.to_builtins(default_size()), **chosen} if chosen else None

    @property
    def has_sample(self) -> bool:
        return bool(self.values["sample_request.path"] or self.values["sample_request.body"])

    def sample(self) -> dict[str, object] | None:
        """The sample request; a body that is no JSON is marked as a mistake."""
        if not self.has_sample:
            return None
        path, method, body = (self.values[name] for name in SAMPLE_FIELDS)
        sample: dict[str, object] = {"path": path or "/", "method": method or "POST"}
        try:
            if body:
                sample["body"] = parse_json(body)
        except json.JSONDecodeError as error:
            self.mark("sample_request.body", f"Not JSON: {error.msg} at line {error.lineno}.")
        except UnusableJson as error:
            self.mark("sample_request.body", str(error))
        return sample


def as_text(value: object) -> str:
    return "" if value is None else str(value)


def variable_row(entry: dict[str, Any]) -> Row:
    """A variable of a version's schema as the form shows it."""
    words = [word for word in ("required", "secret") if entry.get(word)]
    cells = {name: as_text(entry.get(name)) for name in ENV_SCHEMA.texts}
    return Row({**cells, "kind": " ".join(words) or "optional"})


def variable_of(row: Row) -> dict[str, object]:
    """A row of the form as the API has it."""
    words = row.cells["kind"].split()
    texts = {name: row.cells[name] for name in ENV_SCHEMA.texts}
    return {**texts, "required": "required" in words, "secret": "secret" in words}
