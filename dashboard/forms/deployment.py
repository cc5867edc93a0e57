"""The form of a deployment: text in, the API's payload out, messages back at their fields.

It holds no rule of its own. What a person typed goes to `deployments.spec` in the
shape of the REST contract, so that page and API say the same about the same mistake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from django.http import QueryDict

from deployments.errors import DomainError
from deployments.models import Deployment, ModelVersion
from k8s.spec import PRESETS, Resources, Spec

# Text that means a number to the API. What is no number stays text, so that the API's own message comes.
NUMBERS = {
    "replicas",
    "port",
    "resources.gpu",
    "service.port",
    "service.node_port",
    "rollout.max_surge",
    "rollout.max_unavailable",
}
TEXTS = {
    "name",
    "image",
    "health_path",
    "cluster",
    "preset",
    "change_cause",
    "service.type",
    "resources.cpu",
    "resources.memory",
    "resources.cpu_limit",
    "resources.memory_limit",
}
BLANK_ROWS = 2
# Under "More": an error there opens it.
MORE = ("resources", "env", "health_path", "rollout", "change_cause", "port", "cluster")


@dataclass
class EnvRow:
    name: str = ""
    value: str = ""
    errors: list[str] = field(default_factory=list)


@dataclass
class DeploymentForm:
    """Values as typed, by JSON path; errors by the same path.

    `source` is where the image comes from: "version" (of the catalogue; `version`
    is "model@version") or "image".
    """

    values: dict[str, str] = field(default_factory=dict)
    source: str = "version"
    version: str = ""
    env: list[EnvRow] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def blank(
        cls, *, version: ModelVersion | None = None, name: str = "", source: str = "image"
    ) -> "DeploymentForm":
        """What a new deployment starts as: everything safe is filled in."""
        values = {"name": name, "replicas": "1", "preset": "small", "service.type": "NodePort"}
        if version is None:
            return cls(values=values, source=source)
        return cls(values=values, source="version", version=version_key(version))

    @classmethod
    def of(cls, deployment: Deployment, spec: Spec) -> "DeploymentForm":
        """The form of a deployment as it is wanted now."""
        wanted = msgspec.to_builtins(spec)
        values = {
            "replicas": str(deployment.replicas),
            "preset": preset_of(spec.resources),
            "image": spec.image,
        }
        flat = {"port": wanted["port"], "health_path": wanted["health_path"]}
        for group in ("service", "rollout"):
            flat |= {f"{group}.{key}": value for key, value in wanted[group].items()}
        if not values["preset"]:
            flat |= {f"resources.{key}": value for key, value in wanted["resources"].items()}
        values |= {key: "" if value is None else str(value) for key, value in flat.items()}
        env = [EnvRow(row.name, row.value) for row in spec.env]
        return cls(values=values, source="version", version=version_key(deployment.version), env=env)

    @classmethod
    def typed(cls, data: QueryDict) -> "DeploymentForm":
        """What a browser sent."""
        values = {key: data.get(key, "").strip() for key in NUMBERS | TEXTS if key in data}
        names, contents = data.getlist("env.name"), data.getlist("env.value")
        env = [
            EnvRow(name.strip(), value) for name, value in zip(names, contents, strict=False) if name or value
        ]
        version = data.get("version", "")
        # Without JavaScript both ways are on the page; a typed image is the plainer wish.
        source = data.get("source") or ("image" if values.get("image") else "version")
        return cls(values=values, source=source, version=version, env=env)

    def payload(self, *, changing: bool = False) -> dict[str, object]:
        """The API's payload. Empty fields are left to their defaults, or as they are."""
        result: dict[str, object] = {}
        for key, text in self.values.items():
            if key == "image" or (not text and not (changing and key == "service.node_port")):
                continue
            value: object = None if not text else as_number(text) if key in NUMBERS else text
            group, _, name = key.partition(".")
            if name:
                result.setdefault(group, {})[name] = value  # type: ignore[index]
            else:
                result[key] = value
        result |= self.origin()
        if self.env or changing:
            result["env"] = [{"name": row.name, "value": row.value} for row in self.env]
        return result

    def origin(self) -> dict[str, object]:
        """Model and version, or the image."""
        if self.source == "image":
            return {"image": self.values.get("image", "")}
        model, _, version = self.version.partition("@")
        return {"model": model, "version": version}

    def refuse(self, error: DomainError) -> None:
        """Put the domain's messages at the fields they are about."""
        for problem in error.errors:
            place = self.place_of(problem.field)
            if place.startswith("env["):
                self.refuse_row(place, problem.message)
            else:
                self.errors.setdefault(place, []).append(problem.message)
        if not self.errors and not any(row.errors for row in self.env):
            self.errors[""] = [error.detail or error.title]

    def place_of(self, path: str) -> str:
        """The field of the page that a JSON path of the API stands for."""
        if path in {"model", "version"} and self.source == "version":
            return "version"
        return path

    def refuse_row(self, path: str, message: str) -> None:
        index = path.removeprefix("env[").partition("]")[0]
        if index.isdigit() and int(index) < len(self.env):
            self.env[int(index)].errors.append(message)
        else:
            self.errors.setdefault("env", []).append(message)

    @property
    def env_rows(self) -> Sequence[EnvRow]:
        """The rows there are, and some to fill in: adding one needs no JavaScript."""
        return [*self.env, *(EnvRow() for _ in range(BLANK_ROWS))]

    @property
    def more_is_open(self) -> bool:
        """Whether something under "More" needs a look."""
        return any(path.split(".")[0].split("[")[0] in MORE for path in self.errors) or any(
            row.errors for row in self.env
        )

    @property
    def first_error(self) -> str:
        """The field that gets the focus; "" when none has an error."""
        order = ("image", "version", "name", "replicas", "preset", "service.type", "service.port")
        ranked = sorted(
            (path for path in self.errors if path),
            key=lambda path: order.index(path) if path in order else len(order),
        )
        return ranked[0] if ranked else ""

    @property
    def loose_errors(self) -> list[str]:
        """Messages about no field that the page shows."""
        shown = NUMBERS | TEXTS | {"version", "env"}
        return [text for path, texts in self.errors.items() if path not in shown for text in texts]


def as_number(text: str) -> int | float | str:
    """The number that a text means, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def version_key(version: ModelVersion) -> str:
    return f"{version.model.name}@{version.version}"


def preset_of(resources: Resources) -> str:
    """The size of that name; "" when the resources were chosen by hand."""
    return next((name for name, size in PRESETS.items() if size == resources), "")


def preset_cards() -> list[Mapping[str, object]]:
    """The sizes as the form offers them."""
    words = {
        "small": "Linear models, small trees",
        "medium": "Gradient boosting, small networks",
        "large": "Large embeddings, transformers on CPU",
        "gpu": "Neural networks",
    }
    return [{"name": name, "words": words[name], "resources": size} for name, size in PRESETS.items()]
