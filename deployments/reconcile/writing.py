"""What is sent to a cluster for a wish. Knows no lease and stores nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployments.models import Deployment
from deployments.selectors import manifests_of
from k8s import manifests
from k8s.cluster import Applied, Cluster, Manifest, Ref
from k8s.errors import AlreadyExists, ClusterError, NotFound
from k8s.labels import INSTANCE, MANAGED_BY, MANAGED_BY_US

_MANAGED_BY_LABEL = MANAGED_BY_US.partition("=")[0]
# Kinds we write, in the order to delete them: first what would make pods anew.
_OWN_KINDS = ("Deployment", "Service")
_MADE_KINDS = ("ReplicaSet", "Pod")


@dataclass(frozen=True, slots=True)
class Written:
    """What the cluster answered to a whole wish."""

    cluster_generation: int
    node_port: int | None
    warnings: tuple[str, ...]


def write(deployment: Deployment, cluster: Cluster, before_each: Callable[[], None]) -> Written:
    """Applies every object of the wish. `before_each` is called before each request.

    Raises:
        ClusterError, and whatever `before_each` raises.
    """
    wanted = manifests_of(deployment)
    if deployment.applied_generation == 0:
        _refuse_foreign(wanted, cluster)
    # The Service first: where its port is taken, no pod is started in vain.
    service, workload = (next(m for m in wanted if m["kind"] == kind) for kind in ("Service", "Deployment"))
    before_each()
    served = _apply(service, deployment, cluster)
    before_each()
    applied = _apply(workload, deployment, cluster)
    return Written(
        cluster_generation=int(applied.object.get("metadata", {}).get("generation", 0)),
        node_port=_node_port(served.object),
        warnings=(*served.warnings, *applied.warnings),
    )


def _refuse_foreign(wanted: list[Manifest], cluster: Cluster) -> None:
    """A first apply would silently take over what somebody else put there under the same name."""
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


def _apply(manifest: Manifest, deployment: Deployment, cluster: Cluster) -> Applied:
    try:
        return cluster.apply(manifest)
    except NotFound as exc:
        if f'namespaces "{deployment.namespace}"' not in exc.message:
            raise
    cluster.apply(manifests.namespace(deployment.namespace, deployment.team.name))
    return cluster.apply(manifest)


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
    for kind in _OWN_KINDS:
        before_each()
        for found in cluster.list(kind, deployment.namespace, labels=labels):
            cluster.delete(Ref(kind, deployment.namespace, found["metadata"]["name"]))
    for kind in _MADE_KINDS:
        before_each()
        left += len(cluster.list(kind, deployment.namespace, labels=labels))
    return left


def is_passing(error: ClusterError) -> bool:
    """Whether the same request may succeed later. What the cluster refuses for good is not sent again."""
    # Neither says anything about the wish: a login that ended, and an API
    # server that has just started and does not know all its resources yet.
    missing_resource = (
        isinstance(error, NotFound) and "could not find the requested resource" in error.message
    )
    return error.retryable or error.status == 401 or missing_resource
