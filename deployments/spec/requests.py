"""Payloads of the REST contract, and of the forms, made into typed requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Q

from deployments.errors import VersionHasAnotherImage
from deployments.models import Cluster, Deployment, Model, ModelVersion, Namespace, Revision
from deployments.spec import fields
from deployments.spec.images import MAX_IMAGE_LENGTH, parse_image
from deployments.spec.reader import MISSING, Reader
from k8s.spec import PRESETS, Resources, Rollout, Service, Spec
from teams.models import Team

DEFAULT_PORT = 8080

_CHANGEABLE = (
    "model",
    "version",
    "image",
    "replicas",
    "preset",
    "resources",
    "port",
    "health_path",
    "service",
    "env",
    "rollout",
    "change_cause",
)
WRITABLE = ("name", "cluster", *_CHANGEABLE)
"""Fields of a create."""

READ_ONLY = (
    "team",
    "namespace",
    "status",
    "endpoint",
    "generation",
    "applied_generation",
    "revision",
    "created_at",
    "created_by",
    "updated_at",
    "links",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to serve. `known` is None when model and version must be registered first."""

    model: str
    version: str
    image: str
    known: ModelVersion | None = None


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A whole, valid wish for a new deployment."""

    name: str
    cluster: Cluster
    namespace: str
    replicas: int
    change_cause: str
    choice: Choice
    spec: Spec


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """The wish after a change: the whole spec, and the count if it was named."""

    replicas: int | None
    change_cause: str
    choice: Choice
    spec: Spec


def spec_of(stored: Deployment | Revision) -> Spec:
    """The typed spec of a revision, or of a deployment's newest one."""
    return msgspec.convert(stored.spec, Spec)


def parse_create(team: Team, payload: Mapping[str, Any]) -> CreateRequest:
    """Checks a create; all mistakes are reported together.

    Raises:
        InvalidInput: with JSON paths.
        VersionHasAnotherImage: the image's tag is registered with another image.
    """
    reader = Reader(payload)
    reader.allow_only(WRITABLE, read_only=READ_ONLY)
    name = reader.text("name", required=True, longest=1000)
    fields.check_name(reader, "name", name, starts_with_letter=True)
    cluster, namespace = _read_cluster(reader, team)
    choice = _read_choice(reader, team)
    known = choice.known if choice else None
    port = fields.read_port(reader, "port", known.port if known else DEFAULT_PORT)
    spec = Spec(
        model=choice.model if choice else "",
        version=choice.version if choice else "",
        image=choice.image if choice else "",
        port=port,
        health_path=fields.read_health_path(reader, known.health_path if known else "/healthz"),
        resources=fields.read_resources(reader, _resources_of(known)),
        service=fields.read_service(reader, Service(port=port)),
        env=fields.read_env(reader, ()),
        rollout=fields.read_rollout(reader, Rollout()),
    )
    replicas = _read_replicas(reader, 1)
    change_cause = _read_change_cause(reader)
    if cluster:
        _check_node_port_free(reader, cluster, spec.service.node_port, but=None)
    reader.finish()
    assert cluster and choice  # noqa: S101  finish() has raised otherwise
    return CreateRequest(name, cluster, namespace, replicas, change_cause, choice, spec)


def parse_changes(deployment: Deployment, payload: Mapping[str, Any]) -> ChangeRequest:
    """Merges a change into the newest revision; fields not named stay as they are.

    A port or health path that was the old version's own follows the new version.

    Raises:
        InvalidInput: with JSON paths.
        VersionHasAnotherImage: the image's tag is registered with another image.
    """
    reader = Reader(payload)
    reader.allow_only(_CHANGEABLE, read_only=(*READ_ONLY, "name", "cluster"))
    current = spec_of(deployment)
    old = deployment.version
    choice = _read_choice(reader, deployment.team, current=deployment) or Choice(
        current.model, current.version, current.image, old
    )
    new = choice.known or old
    port = fields.read_port(reader, "port", new.port if current.port == old.port else current.port)
    health_path = new.health_path if current.health_path == old.health_path else current.health_path
    spec = Spec(
        model=choice.model,
        version=choice.version,
        image=choice.image,
        port=port,
        health_path=fields.read_health_path(reader, health_path),
        resources=fields.read_resources(reader, current.resources),
        service=fields.read_service(reader, current.service),
        env=fields.read_env(reader, current.env),
        rollout=fields.read_rollout(reader, current.rollout),
    )
    replicas = _read_replicas(reader, deployment.replicas) if "replicas" in reader else None
    change_cause = _read_change_cause(reader)
    _check_node_port_free(reader, deployment.cluster, spec.service.node_port, but=deployment)
    reader.finish()
    return ChangeRequest(replicas, change_cause, choice, spec)


def parse_replicas(replicas: object) -> int:
    """A valid count.

    Raises:
        InvalidInput: not a whole number, or out of range.
    """
    reader = Reader({"replicas": replicas})
    value = _read_replicas(reader, 0)
    reader.finish()
    return value


def _read_replicas(reader: Reader, default: int) -> int:
    return reader.integer("replicas", default, least=0, most=settings.MAX_REPLICAS, what="Replicas")


def _read_change_cause(reader: Reader) -> str:
    # It becomes an annotation that tools show in one line.
    return " ".join(reader.text("change_cause", longest=300).split())


def _resources_of(version: ModelVersion | None) -> Resources:
    small = PRESETS["small"]
    if version is None or not version.resources:
        return small
    return msgspec.convert({**msgspec.to_builtins(small), **version.resources}, Resources)


def _read_cluster(reader: Reader, team: Team) -> tuple[Cluster | None, str]:
    """The named cluster, or the first where the team has a namespace; and that namespace."""
    spaces = Namespace.objects.filter(team=team).select_related("cluster").order_by("cluster__name")
    if reader.raw("cluster") is MISSING or reader.raw("cluster") is None:
        space = spaces.first()
        if space is None:
            reader.wrong("cluster", f"Team {team.name} has no namespace in any cluster yet.", "no_cluster")
            return None, ""
        return space.cluster, space.name
    name = reader.text("cluster", required=True, longest=40)
    space = spaces.filter(cluster__name=name).first() if name else None
    if space is None:
        if name:
            reader.wrong("cluster", f"Team {team.name} has no cluster called {name!r}.", "unknown_cluster")
        return None, ""
    return space.cluster, space.name


def _read_choice(reader: Reader, team: Team, *, current: Deployment | None = None) -> Choice | None:
    """From `image`, or from `model` and `version`; None when wrong, or (on a change) not named."""
    if reader.raw("image") not in (MISSING, None, ""):
        return _choice_from_image(reader, team)
    named = [field for field in ("model", "version") if reader.raw(field) not in (MISSING, None, "")]
    if not named:
        if current is None:
            reader.wrong("image", "Give an image, or a model and its version.", "required")
        return None
    if current is None and len(named) == 1:
        missing = "version" if named == ["model"] else "model"
        reader.wrong(missing, "Model and version belong together.", "required")
        return None
    old_model = current.version.model.name if current else ""
    model = reader.text("model", old_model, longest=50)
    if current and model != old_model and "version" not in named:
        reader.wrong("version", "Model and version belong together.", "required")
        return None
    version = reader.text("version", current.version.version if current else "", longest=60)
    return _known_choice(reader, team, model, version)


def _known_choice(reader: Reader, team: Team, model: str, version: str) -> Choice | None:
    if not model or not version:
        return None
    row = _find_version(team, model, version)
    if row is not None:
        return Choice(row.model.name, row.version, row.image, row)
    if not Model.objects.filter(team=team, name=model, deleted_at=None).exists():
        reader.wrong("model", f"Team {team.name} has no model called {model!r}.", "unknown_model")
    else:
        reader.wrong("version", f"Model {model} has no version {version!r}.", "unknown_version")
    return None


def _find_version(team: Team, model: str, version: str) -> ModelVersion | None:
    rows = ModelVersion.objects.filter(model__team=team, model__deleted_at=None, deleted_at=None)
    return rows.select_related("model").filter(model__name=model, version=version).first()


def _choice_from_image(reader: Reader, team: Team) -> Choice | None:
    image = reader.text("image", longest=MAX_IMAGE_LENGTH).strip()
    if not image:
        return None
    try:
        reference = parse_image(image)
    except ValueError:
        reader.wrong(
            "image",
            "This is not an image reference; they look like registry/team/model:1.0.",
            "invalid_image",
        )
        return None
    model = reader.text("model", longest=50) or reference.model_name
    version = reader.text("version", longest=60) or reference.version
    fields.check_name(reader, "model", model, starts_with_letter=False)
    fields.check_version(reader, "version" if "version" in reader else "image", version)
    known = _find_version(team, model, version)
    if known is not None and known.image != image:
        raise VersionHasAnotherImage(
            f"Version {version} of model {model} is registered with image {known.image}. "
            "Give another tag, or name model and version yourself.",
        )
    return Choice(model, version, image, known)


def _check_node_port_free(
    reader: Reader, cluster: Cluster, node_port: int | None, *, but: Deployment | None
) -> None:
    if node_port is None:
        return
    others = Deployment.objects.filter(cluster=cluster, deleted_at=None)
    if but is not None:
        others = others.exclude(pk=but.pk)
    if others.filter(Q(node_port=node_port) | Q(spec__service__node_port=node_port)).exists():
        # The holder may be another team's: its name is not ours to tell.
        reader.wrong("service.node_port", f"Node port {node_port} is taken.", "node_port_taken")
