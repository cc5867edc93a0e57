"""What is sent to a cluster for a wish. Knows no lease and stores nothing."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from deployments import counts
from deployments.models import Deployment
from deployments.secrets import secrets_of
from deployments.selectors import wish_of
from k8s import manifests
from k8s.cluster import FIELD_MANAGER, HANDOVER_MANAGER, Applied, Cluster, Manifest, Ref
from k8s.errors import AlreadyExists, Cause, ClusterError, NotFound
from k8s.labels import INSTANCE, MANAGED_BY, MANAGED_BY_US
from k8s.spec import Secrets, Wish

AUTOSCALER: Final = "HorizontalPodAutoscaler"
_MANAGED_BY_LABEL = MANAGED_BY_US.partition("=")[0]
# Kinds that every wish has, in the order to delete them: first what would make pods anew.
_OWN_KINDS = ("Deployment", "Service")
_MADE_KINDS = ("ReplicaSet", "Pod")
_SHORTEST_HIDDEN = 4


@dataclass(frozen=True, slots=True)
class Written:
    """What the cluster answered to a whole wish.

    `replicas` is the count that belongs to `cluster_generation`; `kinds` are the kinds
    that not every wish has, of the objects that are there now.
    """

    cluster_generation: int
    replicas: int
    node_port: int | None
    kinds: list[str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Write:
    """One wish on its way to one cluster."""

    row: Deployment
    wish: Wish
    secrets: Secrets
    cluster: Cluster
    before_each: Callable[[], None]


def write(
    deployment: Deployment,
    cluster: Cluster,
    before_each: Callable[[], None],
    remember: Callable[[Iterable[str]], None],
) -> Written:
    """Applies every object of the wish and takes away those that it has no longer.

    `before_each` is called before each request. `remember` is called with the kinds that
    not every wish has before one of them is made: whoever is killed in between must not
    leave an autoscaler that nobody knows of.

    Raises:
        ClusterError, SealBroken, and whatever `before_each` and `remember` raise.
    """
    work = _Write(deployment, wish_of(deployment), secrets_of(deployment), cluster, before_each)
    wanted = [
        manifest
        for manifest in manifests.build(
            work.wish, secrets=work.secrets, gpu_resource=deployment.cluster.gpu_resource
        )
        if not _is_login_without_data(manifest)
    ]
    kinds = _optional_kinds(wanted, deployment)
    before: list[str] = deployment.applied_kinds
    refuse_foreign([one for one in wanted if _may_be_foreign(one, kinds, deployment)], cluster)
    remember([*before, *(kind for kind in kinds if kind not in before)])
    if AUTOSCALER in before and AUTOSCALER not in kinds:
        # First of all: it would go on to change the count that we are about to set.
        _delete(AUTOSCALER, work)
    answers = {_place(manifest): _apply_one(manifest, work) for manifest in wanted}
    for kind in before:
        if kind not in kinds and kind != AUTOSCALER:
            _delete(kind, work)
    workload = answers["Deployment", deployment.name].object
    return Written(
        cluster_generation=int(workload.get("metadata", {}).get("generation", 0)),
        replicas=int(workload.get("spec", {}).get("replicas", 1)),
        node_port=_node_port(answers["Service", deployment.name].object),
        kinds=kinds,
        warnings=tuple(warning for answer in answers.values() for warning in answer.warnings),
    )


def _place(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _is_login_without_data(manifest: Manifest) -> bool:
    """A login to a registry that has been forgotten since: no Secret can be made of it."""
    return manifest["kind"] == "Secret" and not manifest.get("data")


def _optional_kinds(wanted: list[Manifest], row: Deployment) -> list[str]:
    """Kinds that some wishes have, of objects that belong to this deployment alone."""
    return [
        kind
        for kind, name in map(_place, wanted)
        # A registry's login is shared by the team's deployments: never taken away for one of them.
        if kind not in _OWN_KINDS and name == _name_of(kind, row)
    ]


def _name_of(kind: str, row: Deployment) -> str:
    return manifests.env_secret_name(row.name) if kind == "Secret" else row.name


def _may_be_foreign(manifest: Manifest, kinds: list[str], row: Deployment) -> bool:
    """Whether this would be the first time that we write an object."""
    kind = manifest["kind"]
    return row.applied_generation == 0 or (kind in kinds and kind not in row.applied_kinds)


def _delete(kind: str, work: _Write) -> None:
    work.before_each()
    work.cluster.delete(Ref(kind, work.row.namespace, _name_of(kind, work.row)))


def _apply_one(manifest: Manifest, work: _Write) -> Applied:
    if manifest["kind"] == "Deployment" and "replicas" not in manifest["spec"]:
        return _apply_without_count(manifest, work)
    return _apply(manifest, work)


def _apply_without_count(manifest: Manifest, work: _Write) -> Applied:
    """Applies a Deployment whose count an autoscaler owns.

    A count that its only owner stops sending is reset to 1, so the present one is
    first given into another hand, which keeps it until the autoscaler writes.
    """
    work.before_each()
    try:
        found = work.cluster.get(Ref("Deployment", work.row.namespace, work.row.name))
    except NotFound:
        found = {}
    count, ours = int(found.get("spec", {}).get("replicas", 0)), _is_our_count(found)
    if count == 0:
        # There is none to keep, and an autoscaler does not begin at none.
        count, ours = counts.replicas_to_begin_with(work.row), True
        _apply({**manifest, "spec": {"replicas": count, **manifest["spec"]}}, work)
    if ours:
        work.before_each()
        work.cluster.apply(manifests.handover(work.wish, count), field_manager=HANDOVER_MANAGER)
    return _apply(manifest, work)


def _is_our_count(found: Manifest) -> bool:
    """Whether we own the field `spec.replicas` of an object."""
    managed: list[dict[str, Any]] = found.get("metadata", {}).get("managedFields") or []
    return any(
        entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in managed
    )


def refuse_foreign(wanted: list[Manifest], cluster: Cluster) -> None:
    """A first apply would silently take over what somebody else put there under the same name.

    Raises:
        AlreadyExists, and other ClusterErrors.
    """
    for manifest in wanted:
        meta = manifest["metadata"]
        try:
            found = cluster.get(Ref(manifest["kind"], meta["namespace"], meta["name"]))
        except NotFound:
            continue
        labels: dict[str, str] = found.get("metadata", {}).get("labels") or {}
        if labels.get(_MANAGED_BY_LABEL) != MANAGED_BY:
            raise AlreadyExists(
                f"{manifest['kind']} {meta['name']} exists in namespace {meta['namespace']} already "
                "and is not managed by Timoneiro; choose another name",
                status=409,
                reason="AlreadyExists",
            )


def _apply(manifest: Manifest, work: _Write) -> Applied:
    work.before_each()
    try:
        return apply_in_namespace(manifest, work.row.team.name, work.cluster)
    except ClusterError as exc:
        if manifest["kind"] != "Secret":
            raise
        # Whoever checks objects on their way into the cluster may answer with what it read.
        raise _without_values(exc, work.secrets) from None


def apply_in_namespace(manifest: Manifest, team: str, cluster: Cluster) -> Applied:
    """Applies an object; its namespace is made where it is missing. Raises: ClusterError."""
    namespace = manifest["metadata"]["namespace"]
    try:
        return cluster.apply(manifest)
    except NotFound as exc:
        if f'namespaces "{namespace}"' not in exc.message:
            raise
    cluster.apply(manifests.namespace(namespace, team))
    return cluster.apply(manifest)


def _without_values(error: ClusterError, secrets: Secrets) -> ClusterError:
    """The same refusal with every secret value in it hidden: it is stored and shown."""
    values = [*secrets.values.values(), *([secrets.pull.password] if secrets.pull else [])]
    spoken = [value for value in values if len(value) >= _SHORTEST_HIDDEN]
    spoken += [base64.b64encode(value.encode()).decode() for value in spoken]

    def hide(text: str) -> str:
        for value in spoken:
            text = text.replace(value, "***")
        return text

    return type(error)(
        hide(error.message),
        status=error.status,
        reason=error.reason,
        causes=tuple(Cause(cause.field, hide(cause.message), cause.reason) for cause in error.causes),
        retry_after_seconds=error.retry_after_seconds,
    )


def _node_port(service: Manifest) -> int | None:
    spec: dict[str, Any] = service.get("spec", {})
    if spec.get("type") != "NodePort":
        return None
    ports: list[dict[str, Any]] = spec.get("ports") or []
    return ports[0].get("nodePort") if ports else None


def remove(deployment: Deployment, cluster: Cluster, before_each: Callable[[], None]) -> int:
    """Deletes what is ours, found by its labels; says how many objects are still there.

    Raises:
        ClusterError, and whatever `before_each` raises.
    """
    labels = f"{MANAGED_BY_US},{INSTANCE}={deployment.name}"
    left = 0
    # An autoscaler would complain of a Deployment that is gone; Secrets last, pods may start until then.
    for kind in deployment.applied_kinds:
        if kind != "Secret":
            before_each()
            cluster.delete(Ref(kind, deployment.namespace, _name_of(kind, deployment)))
    for kind in _OWN_KINDS:
        before_each()
        for found in cluster.list(kind, deployment.namespace, labels=labels):
            cluster.delete(Ref(kind, deployment.namespace, found["metadata"]["name"]))
    for kind in _MADE_KINDS:
        before_each()
        left += len(cluster.list(kind, deployment.namespace, labels=labels))
    if "Secret" in deployment.applied_kinds:
        before_each()
        cluster.delete(Ref("Secret", deployment.namespace, _name_of("Secret", deployment)))
    return left


def is_passing(error: ClusterError) -> bool:
    """Whether the same request may succeed later. What the cluster refuses for good is not sent again."""
    # Neither says anything about the wish: a login that ended, and an API
    # server that has just started and does not know all its resources yet.
    missing_resource = (
        isinstance(error, NotFound) and "could not find the requested resource" in error.message
    )
    return error.retryable or error.status == 401 or missing_resource
