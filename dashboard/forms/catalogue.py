"""The small forms of the catalogue: a model, a version of it."""

import json
from dataclasses import dataclass, field

from django.http import QueryDict

from dashboard.forms.deployment import as_number
from deployments.errors import DomainError
from deployments.spec.json_text import UnusableJson, parse_json

MODEL_FIELDS = ("name", "task", "description")
VERSION_FIELDS = ("version", "image", "framework", "port", "health_path", "description")


@dataclass
class CatalogueForm:
    """Values as typed and the domain's messages, by field."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def typed(cls, data: QueryDict, names: tuple[str, ...]) -> "CatalogueForm":
        return cls({name: data.get(name, "").strip() for name in names})

    def payload(self) -> dict[str, object]:
        """The API's payload; the sample request's body is JSON text in the form."""
        result: dict[str, object] = {
            name: as_number(text) if name == "port" else text
            for name, text in self.values.items()
            if text and not name.startswith("sample.")
        }
        path, body = self.values.get("sample.path", ""), self.values.get("sample.body", "")
        if path or body:
            result["sample_request"] = {"path": path or "/", "method": "POST", "body": self.json_of(body)}
        return result

    def json_of(self, body: str) -> object:
        """The sample's body; a mistake in it is left in `errors`."""
        try:
            return parse_json(body) if body else None
        except json.JSONDecodeError as error:
            self.errors["sample.body"] = [f"Not JSON: {error.msg} at line {error.lineno}."]
        except UnusableJson as error:
            self.errors["sample.body"] = [str(error)]
        return None

    def refuse(self, error: DomainError) -> None:
        for problem in error.errors:
            place = problem.field.replace("sample_request", "sample")
            self.errors.setdefault(place, []).append(problem.message)
        if not self.errors:
            self.errors[""] = [error.detail]

    @property
    def loose_errors(self) -> list[str]:
        """Messages about no field that the page shows."""
        return [text for place, texts in self.errors.items() if place not in self.values for text in texts]
