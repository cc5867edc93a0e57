"""The form of a deployment: text in, the API's payload out, messages back at their fields.

It holds no rule of its own. What a person typed goes to `deployments.spec` in the
shape of the REST contract, so that page and API say the same about the same mistake.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.http import QueryDict

from dashboard.forms.environment import BLANK_ROWS, LOST, EnvRow, stored_rows, typed_rows
from dashboard.forms.sections import SECTIONS, section_of
from deployments.errors import DomainError
from deployments.models import Deployment, ModelVersion, SizePreset
from k8s.spec import Resources, Spec

# Text that means a number to the API. What is no number stays text, so that the API's own message comes.
NUMBERS = {
    "replicas",
    "port",
    "start_seconds",
    "resources.gpu",
    "service.port",
    "service.node_port",
    "security.run_as_user",
    "autoscaling.min_replicas",
    "autoscaling.max_replicas",
    "autoscaling.target_cpu_percent",
    "autoscaling.target_memory_percent",
    "autoscaling.scale_down_seconds",
    "rollout.max_surge",
    "rollout.max_unavailable",
    "rollout.deadline_seconds",
}
CHECKS = {"security.read_only_root", "rollout.auto_rollback"}
TEXTS = {
    "name",
    "image",
    "health_path",
    "cluster",
    "preset",
    "change_cause",
    "registry",
    "node_preset",
    "scaling",
    "service.type",
    "rollout.strategy",
    "resources.cpu",
    "resources.memory",
    "resources.cpu_limit",
    "resources.memory_limit",
}
FIELDS = NUMBERS | CHECKS | TEXTS
# Emptying these says something; emptying another field leaves it as it is.
CLEARED = {"service.node_port", "node_preset"}
NO_REGISTRY = "-"
"""What the choice "pull without a login" sends; no registry is called that."""
AUTOMATIC = "auto"
AUTOSCALING = {
    "autoscaling.min_replicas": "1",
    "autoscaling.max_replicas": "5",
    "autoscaling.target_cpu_percent": "70",
    "autoscaling.target_memory_percent": "",
    "autoscaling.scale_down_seconds": "300",
}
"""What autoscaling starts with when it is switched on."""


@dataclass
class DeploymentForm:
    """Values as typed, by JSON path; errors by the same path.

    `source` is where the image comes from: "version" (of the catalogue; `version`
    is "model@version") or "image". `opened` is the form as it was when it was opened,
    in JSON, so that only what was changed here is sent.
    """

    values: dict[str, str] = field(default_factory=dict)
    source: str = "version"
    version: str = ""
    env: list[EnvRow] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    opened: str = ""
    start_field: str = ""

    @classmethod
    def blank(cls, sizes: Iterable[SizePreset]) -> "DeploymentForm":
        """What a new deployment starts as: everything safe is filled in."""
        size = next((one.name for one in sizes), "")
        values = {"replicas": "1", "preset": size, "scaling": "fixed"}
        values |= {"service.type": "NodePort", "rollout.strategy": "RollingUpdate"}
        return cls(values=values | AUTOSCALING, source="image", start_field="image")

    @classmethod
    def of_version(cls, version: ModelVersion, name: str, sizes: Sequence[SizePreset]) -> "DeploymentForm":
        """A new deployment of a version, with the size that it was registered with."""
        form = cls.blank(sizes)
        form.source, form.version, form.start_field = "version", version_key(version), "name"
        form.values["name"] = name
        form.fit_size(version, sizes)
        if version.run_as_user is not None:
            form.values["security.run_as_user"] = str(version.run_as_user)
        return form

    @classmethod
    def of(cls, deployment: Deployment, spec: Spec, sizes: Sequence[SizePreset]) -> "DeploymentForm":
        """The form of a deployment as it is wanted now."""
        values = {
            "replicas": str(deployment.replicas),
            "image": spec.image,
            "registry": spec.registry,
            "node_preset": spec.placement.preset if spec.placement else "",
            "scaling": AUTOMATIC if deployment.autoscaling else "fixed",
            "port": str(spec.port),
            "health_path": spec.health_path,
            "start_seconds": str(spec.start_seconds),
        }
        values |= AUTOSCALING | flat("autoscaling", deployment.autoscaling or {})
        for group in ("service", "rollout", "security"):
            values |= flat(group, msgspec.to_builtins(getattr(spec, group)))
        values |= size_values(spec.resources, sizes)
        version = version_key(deployment.version)
        return cls(values=values, source="version", version=version, env=stored_rows(spec.env))

    @classmethod
    def typed(cls, data: QueryDict) -> "DeploymentForm":
        """What a browser sent."""
        values = {key: data.get(key, "").strip() for key in FIELDS if key in data}
        version = data.get("version", "")
        # Without JavaScript both ways are on the page; a typed image is the plainer wish.
        source = data.get("source") or ("image" if values.get("image") else "version")
        opened = data.get("opened", "")
        return cls(values=values, source=source, version=version, env=typed_rows(data), opened=opened)

    def fit_size(self, version: ModelVersion | None, sizes: Sequence[SizePreset]) -> None:
        """Choose the size that the version was registered with; without one, the usual size."""
        usual = {name: getattr(sizes[0], name) for name in Resources.__struct_fields__}
        registered = version.resources if version else {}
        self.values |= size_values(msgspec.convert({**usual, **registered}, Resources), sizes)

    def payload(self, *, changing: bool = False) -> dict[str, object]:
        """The API's payload. Empty fields are left to their defaults, or as they are."""
        result: dict[str, Any] = {}
        for key in sorted(self.values):
            text = self.values[key]
            if key in {"image", "scaling"} or key.startswith("autoscaling."):
                continue
            if not text and not (changing and key in CLEARED):
                continue
            group, _, name = key.partition(".")
            (result.setdefault(group, {}) if name else result)[name or group] = self.value_of(key)
        result |= self.origin()
        if self.values.get("scaling") == AUTOMATIC:
            result["autoscaling"] = self.autoscaling()
            result.pop("replicas", None)
        elif changing and "scaling" in self.values:
            result["autoscaling"] = None
        sent = self.sent_rows()
        if sent or changing:
            result["env"] = [row.entry() for row in sent]
        return result

    def value_of(self, key: str) -> object:
        """What the text of a field means to the API."""
        text = self.values.get(key, "")
        if not text or (key == "registry" and text == NO_REGISTRY):
            return None
        if key in CHECKS:
            return text == "true"
        return as_number(text) if key in NUMBERS else text

    def origin(self) -> dict[str, object]:
        """Model and version, or the image."""
        if self.source == "image":
            return {"image": self.values.get("image", "")}
        model, _, version = self.version.partition("@")
        return {"model": model, "version": version}

    def autoscaling(self) -> dict[str, object]:
        """Bounds and targets. An empty target means none; an empty bound is left to the domain."""
        names = [key for key in AUTOSCALING if key in self.values]
        settings = {key.partition(".")[2]: self.value_of(key) for key in names}
        return {name: value for name, value in settings.items() if value is not None or "target" in name}

    def sent_rows(self) -> list[EnvRow]:
        return [row for row in self.env if row.sent]

    def refuse(self, error: DomainError) -> None:
        """Put the domain's messages at the fields they are about."""
        for problem in error.errors:
            place = self.place_of(problem.field)
            if place.startswith("env["):
                self.refuse_row(place, problem.message)
            else:
                self.errors.setdefault(place, []).append(problem.message)
        if not self.has_errors:
            self.errors[""] = [error.detail or error.title]

    def refuse_lost_secrets(self) -> bool:
        """Whether a secret still has to be typed again; says so at its row."""
        lost = [row for row in self.env if row.secret and row.state == LOST and not row.value]
        for row in lost:
            row.errors.append("Type the value again: a page never sends a secret back.")
        return bool(lost)

    def forget_secrets(self) -> None:
        """Before the form is shown again: a secret that was typed is not written into the page."""
        for row in self.env:
            if row.secret and row.value:
                row.value, row.state = "", LOST
                row.errors.append("Type the value again: a page never sends a secret back.")

    def place_of(self, path: str) -> str:
        """The field of the page that a JSON path of the API stands for."""
        if path in {"model", "version"} and self.source == "version":
            return "version"
        if path in {"autoscaling", "autoscaling.target_cpu_percent"}:
            return "autoscaling.target_cpu_percent"
        return path

    def refuse_row(self, path: str, message: str) -> None:
        index = path.removeprefix("env[").partition("]")[0]
        rows = self.sent_rows()
        if index.isdigit() and int(index) < len(rows):
            rows[int(index)].errors.append(message)
        else:
            self.errors.setdefault("env", []).append(message)

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(row.errors for row in self.env)

    @property
    def env_rows(self) -> Sequence[EnvRow]:
        """The rows there are, and some to fill in: adding one needs no JavaScript."""
        return [*self.env, *(EnvRow() for _ in range(1 if self.env else BLANK_ROWS))]

    @property
    def open_sections(self) -> set[str]:
        """Sections with something to look at: a mistake, or a variable that must be given."""
        found = {section_of(path) for path in self.errors}
        if any(row.errors or row.waits for row in self.env):
            found.add("env")
        return found

    @property
    def first_error(self) -> str:
        """The field that gets the focus: the first wrong one, else where typing starts."""
        order = ["image", "version", "name", "cluster", "preset"]
        order += [path for section in SECTIONS for path in section.paths]
        ranked = sorted((path for path in self.errors if path in order), key=order.index)
        return ranked[0] if ranked else self.start_field

    @property
    def first_wrong_row(self) -> int:
        """The variable that gets the focus; -1 when a field has it, or none is wrong."""
        wrong = (index for index, row in enumerate(self.env) if row.errors)
        return next(wrong, -1) if not self.first_error else -1

    @property
    def loose_errors(self) -> list[str]:
        """Messages about no field that the page shows."""
        shown = FIELDS | {"version", "env"}
        return [text for path, texts in self.errors.items() if path not in shown for text in texts]

    @property
    def every_error(self) -> list[tuple[str, str]]:
        """Each message with the id of the field it is about; "" for none."""
        found = [(place_id(path), text) for path, texts in self.errors.items() for text in texts]
        return found + [
            ("env-rows", f"{row.name or 'variable'}: {text}") for row in self.env for text in row.errors
        ]


def place_id(path: str) -> str:
    """The id of the element that a message at `path` is about; "" for none."""
    if path == "env":
        return "env-rows"
    return path.replace(".", "-") if path in FIELDS | {"version"} else ""


def flat(group: str, values: dict[str, object]) -> dict[str, str]:
    """ "service", {"port": 80} -> {"service.port": "80"}; None is empty, truth is "true" or "false"."""
    return {
        f"{group}.{key}": ""
        if value is None
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for key, value in values.items()
    }


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


def size_values(resources: Resources, sizes: Iterable[SizePreset]) -> dict[str, str]:
    """The size with these resources by name; else each resource by itself."""
    wanted = msgspec.to_builtins(resources)
    for size in sizes:
        if all(getattr(size, key) == value for key, value in wanted.items()):
            return {"preset": size.name} | dict.fromkeys((f"resources.{key}" for key in wanted), "")
    return {"preset": ""} | flat("resources", wanted)
