"""Where each kind we use lives in the REST API of a cluster."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from k8s.errors import MalformedRequest


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: the prefix of its group and version, its plural, and whether namespaces hold it."""

    prefix: str
    plural: str
    namespaced: bool = True


KINDS: Final[dict[str, Kind]] = {
    "Namespace": Kind("/api/v1", "namespaces", namespaced=False),
    "Node": Kind("/api/v1", "nodes", namespaced=False),
    "Pod": Kind("/api/v1", "pods"),
    "Service": Kind("/api/v1", "services"),
    "Event": Kind("/api/v1", "events"),
    "ConfigMap": Kind("/api/v1", "configmaps"),
    "Secret": Kind("/api/v1", "secrets"),
    "Deployment": Kind("/apis/apps/v1", "deployments"),
    "ReplicaSet": Kind("/apis/apps/v1", "replicasets"),
    "ResourceQuota": Kind("/api/v1", "resourcequotas"),
    "LimitRange": Kind("/api/v1", "limitranges"),
    "Job": Kind("/apis/batch/v1", "jobs"),
    "HorizontalPodAutoscaler": Kind("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": Kind("/apis/policy/v1", "poddisruptionbudgets"),
    "NetworkPolicy": Kind("/apis/networking.k8s.io/v1", "networkpolicies"),
    "NodeMetrics": Kind("/apis/metrics.k8s.io/v1beta1", "nodes", namespaced=False),
    "PodMetrics": Kind("/apis/metrics.k8s.io/v1beta1", "pods"),
}


def collection_path(kind: str, namespace: str | None) -> str:
    """Path of all objects of a kind; `namespace` None means all namespaces.

    Raises:
        MalformedRequest: a kind we do not use.
    """
    place = _place(kind)
    if namespace and place.namespaced:
        return f"{place.prefix}/namespaces/{quote(namespace, safe='')}/{place.plural}"
    return f"{place.prefix}/{place.plural}"


def object_path(kind: str, namespace: str, name: str) -> str:
    """Path of one object. Raises MalformedRequest on an unknown kind, an empty name or namespace."""
    # An empty part would silently turn one object into the whole collection.
    if name in ("", ".", "..") or (_place(kind).namespaced and namespace in ("", ".", "..")):
        raise MalformedRequest(f"a {kind} needs a name and its namespace, not {namespace!r}/{name!r}")
    return f"{collection_path(kind, namespace)}/{quote(name, safe='')}"


def _place(kind: str) -> Kind:
    try:
        return KINDS[kind]
    except KeyError:
        raise MalformedRequest(f"{kind!r} is not a kind this program uses") from None
