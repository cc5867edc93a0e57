"""Payloads of the REST contract, and of the forms, made into typed requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db.models import Q

from deployments.counts import autoscaling_of
from deployments.models import Cluster, Deployment, ModelVersion, Namespace, Revision
from deployments.spec import fields
from deployments.spec.choice import Choice, read_choice
from deployments.spec.env import Environment, check_against_version, read_env, with_defaults
from deployments.spec.reader import MISSING, Reader
from deployments.spec.scaling import read_autoscaling, read_replicas
from deployments.spec.sizes import default_size
from k8s.spec import Autoscaling, Resources, Rollout, Security, Service, Spec
from teams.models import Team

DEFAULT_PORT = 8080
DEFAULT_START_SECONDS = 120

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
    "autoscaling",
    "rollout",
    "security",
    "start_seconds",
    "node_preset",
    "registry",
    "change_cause",
)
WRITABLE = ("name", "cluster", *_CHANGEABLE)
"""Fields of a create."""

READ_ONLY = (
    "team",
    "paused",
    "placement",
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
class CreateRequest:
    """A whole, valid wish for a new deployment. `secret_values` are in clear, by `EnvVar.ref`."""

    name: str
    cluster: Cluster
    namespace: str
    replicas: int
    change_cause: str
    choice: Choice
    spec: Spec
    autoscaling: Autoscaling | None = None
    secret_values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """The wish after a change: the whole spec and autoscaling, and the count if it was named.

    `secret_values` are those set anew, in clear, by `EnvVar.ref`.
    """

    replicas: int | None
    change_cause: str
    choice: Choice
    spec: Spec
    autoscaling: Autoscaling | None = None
    secret_values: Mapping[str, str] = field(default_factory=dict, repr=False)


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
    choice = read_choice(reader, team)
    known = choice.known if choice else None
    port = fields.read_port(reader, "port", known.port if known else DEFAULT_PORT)
    start_seconds = fields.read_start_seconds(reader, DEFAULT_START_SECONDS)
    environment = with_defaults(read_env(reader, ()), known)
    check_against_version(reader, environment, known)
    image = choice.image if choice else ""
    spec = Spec(
        model=choice.model if choice else "",
        version=choice.version if choice else "",
        image=image,
        port=port,
        health_path=fields.read_health_path(reader, known.health_path if known else "/healthz"),
        start_seconds=start_seconds,
        resources=fields.read_resources(reader, _resources_of(known)),
        service=fields.read_service(reader, Service(port=port)),
        env=environment.variables,
        rollout=fields.read_rollout(reader, Rollout(), start_seconds=start_seconds),
        security=fields.read_security(reader, Security(run_as_user=user_of(known))),
        placement=fields.read_placement(reader, cluster, None),
        registry=fields.read_registry(reader, team, image, None),
    )
    autoscaling = read_autoscaling(reader, None)
    replicas = read_replicas(reader, 1)
    change_cause = _read_change_cause(reader)
    if cluster:
        check_node_port_free(reader, cluster, spec.service.node_port, but=None)
    reader.finish()
    assert cluster and choice  # noqa: S101  finish() has raised otherwise
    return CreateRequest(
        name,
        cluster,
        namespace,
        replicas,
        change_cause,
        choice,
        spec,
        autoscaling,
        environment.secret_values,
    )


def parse_changes(deployment: Deployment, payload: Mapping[str, Any]) -> ChangeRequest:
    """Merges a change into the newest revision; fields not named stay as they are.

    A port, health path or user that was the old version's own follows the new version.

    Raises:
        InvalidInput: with JSON paths.
        VersionHasAnotherImage: the image's tag is registered with another image.
    """
    reader = Reader(payload)
    reader.allow_only(_CHANGEABLE, read_only=(*READ_ONLY, "name", "cluster"))
    current = spec_of(deployment)
    choice = read_choice(reader, deployment.team, current=deployment) or Choice(
        current.model, current.version, current.image, deployment.version
    )
    environment = _changed_env(reader, deployment, current, choice)
    spec = _changed_spec(reader, deployment, current, choice, environment)
    autoscaling = read_autoscaling(reader, autoscaling_of(deployment))
    replicas = read_replicas(reader, deployment.replicas) if "replicas" in reader else None
    change_cause = _read_change_cause(reader)
    check_node_port_free(reader, deployment.cluster, spec.service.node_port, but=deployment)
    reader.finish()
    return ChangeRequest(replicas, change_cause, choice, spec, autoscaling, environment.secret_values)


def _changed_env(reader: Reader, deployment: Deployment, current: Spec, choice: Choice) -> Environment:
    environment = read_env(reader, current.env)
    another = choice.known is not None and choice.known.pk != deployment.version_id
    if another and "env" not in reader:
        environment = with_defaults(environment, choice.known)
    # What the catalogue demands meanwhile stops only changes that have to do with it.
    if another or "env" in reader:
        check_against_version(reader, environment, choice.known)
    return environment


def _changed_spec(
    reader: Reader, deployment: Deployment, current: Spec, choice: Choice, environment: Environment
) -> Spec:
    old = deployment.version
    new = choice.known or old
    port = fields.read_port(reader, "port", new.port if current.port == old.port else current.port)
    health_path = new.health_path if current.health_path == old.health_path else current.health_path
    security = current.security
    if security.run_as_user == user_of(old):
        security = msgspec.structs.replace(security, run_as_user=user_of(new))
    start_seconds = fields.read_start_seconds(reader, current.start_seconds)
    return Spec(
        model=choice.model,
        version=choice.version,
        image=choice.image,
        port=port,
        health_path=fields.read_health_path(reader, health_path),
        start_seconds=start_seconds,
        resources=fields.read_resources(reader, current.resources),
        service=fields.read_service(reader, current.service),
        env=environment.variables,
        rollout=fields.read_rollout(reader, current.rollout, start_seconds=start_seconds),
        security=fields.read_security(reader, security),
        placement=fields.read_placement(reader, deployment.cluster, current.placement),
        registry=fields.read_registry(reader, deployment.team, choice.image, current),
    )


def user_of(version: ModelVersion | None) -> int:
    """The user id that pods of a version run as when nobody chooses one."""
    if version is None or version.run_as_user is None:
        return Security().run_as_user
    return version.run_as_user


def _read_change_cause(reader: Reader) -> str:
    # It becomes an annotation that tools show in one line.
    return " ".join(reader.text("change_cause", longest=300).split())


def _resources_of(version: ModelVersion | None) -> Resources:
    usual = default_size()
    if version is None or not version.resources:
        return usual
    return msgspec.convert({**msgspec.to_builtins(usual), **version.resources}, Resources)


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


def check_node_port_free(
    reader: Reader, cluster: Cluster, node_port: int | None, *, but: Deployment | None
) -> None:
    if node_port is None:
        return
    others = Deployment.objects.filter(cluster=cluster, deleted_at=None)
    if but is not None:
        others = others.exclude(pk=but.pk)
    if others.filter(Q(node_port=node_port) | Q(spec__service__node_port=node_port)).exists():
        # The holder may be another team's: its name is not ours to tell.
        reader.wrong(
            "service.node_port",
            f"Node port {node_port} is taken: name another, or leave it to the cluster.",
            "node_port_taken",
        )
