"""The table of kinds that the local cluster serves.

A kind is named by its *kind string*: the plural, with its group where it has one
("pods", "deployments.apps"). A few kinds can be read in a second version of the
API (``views``), for instance events as events.k8s.io/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ALL_VERBS: Final = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)


@dataclass(frozen=True)
class Kind:
    """One served kind.

    ``stored_as`` is the kind string under which objects are kept: it differs from
    ``key`` for a view of another kind. ``has_generation`` says whether
    metadata.generation counts changes of the spec. ``returns_deleted`` says
    whether DELETE answers the object instead of a Status.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    has_generation: bool = False
    returns_deleted: bool = False
    stored_as: str = ""

    @property
    def key(self) -> str:
        """The kind string, e.g. "pods" or "deployments.apps"."""
        return self.stored_as or (f"{self.plural}.{self.group}" if self.group else self.plural)

    @property
    def api_version(self) -> str:
        """As in an object's apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_view(self) -> bool:
        """Whether objects are kept in another version than this one and are converted on the way."""
        return bool(self.stored_as)


def _core(kind: str, plural: str, *short: str, **options: object) -> Kind:
    return Kind("", "v1", kind, plural, kind.lower(), short, **options)  # type: ignore[arg-type]


def _of(group: str, kind: str, plural: str, *short: str, version: str = "v1", **options: object) -> Kind:
    return Kind(group, version, kind, plural, kind.lower(), short, **options)  # type: ignore[arg-type]


_ALL = ("all",)
_SCALED = ("scale", "status")

KINDS: Final[tuple[Kind, ...]] = (
    _core("ConfigMap", "configmaps", "cm"),
    _core("Endpoints", "endpoints", "ep"),
    _core("Event", "events", "ev"),
    _core("LimitRange", "limitranges", "limits"),
    _core("Namespace", "namespaces", "ns", namespaced=False, subresources=("finalize", "status")),
    _core("Node", "nodes", "no", namespaced=False, subresources=("status",)),
    _core(
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "pvc",
        subresources=("status",),
        returns_deleted=True,
    ),
    _core(
        "Pod",
        "pods",
        "po",
        categories=_ALL,
        subresources=("binding", "eviction", "exec", "log", "proxy", "status"),
        has_generation=True,
        returns_deleted=True,
    ),
    _core("ResourceQuota", "resourcequotas", "quota", subresources=("status",), returns_deleted=True),
    _core("Secret", "secrets"),
    _core(
        "Service", "services", "svc", categories=_ALL, subresources=("proxy", "status"), returns_deleted=True
    ),
    _core("ServiceAccount", "serviceaccounts", "sa", returns_deleted=True),
    _of(
        "apps",
        "Deployment",
        "deployments",
        "deploy",
        categories=_ALL,
        subresources=_SCALED,
        has_generation=True,
    ),
    _of(
        "apps", "ReplicaSet", "replicasets", "rs", categories=_ALL, subresources=_SCALED, has_generation=True
    ),
    _of(
        "autoscaling",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "hpa",
        version="v2",
        categories=_ALL,
        subresources=("status",),
    ),
    _of("batch", "Job", "jobs", categories=_ALL, subresources=("status",), has_generation=True),
    _of("coordination.k8s.io", "Lease", "leases"),
    _of("discovery.k8s.io", "EndpointSlice", "endpointslices", has_generation=True),
    _of("events.k8s.io", "Event", "events", "ev", stored_as="events"),
    _of("networking.k8s.io", "NetworkPolicy", "networkpolicies", "netpol", has_generation=True),
    _of(
        "policy",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "pdb",
        subresources=("status",),
        has_generation=True,
    ),
    _of("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced=False),
    _of("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _of("rbac.authorization.k8s.io", "Role", "roles"),
    _of("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
    _of("scheduling.k8s.io", "PriorityClass", "priorityclasses", "pc", namespaced=False),
)

#: Kinds by kind string, views left out: what the store keeps.
STORED: Final[dict[str, Kind]] = {kind.key: kind for kind in KINDS if not kind.is_view}

#: Kinds by (group, version, plural): what a path names.
BY_PATH: Final[dict[tuple[str, str, str], Kind]] = {
    (kind.group, kind.version, kind.plural): kind for kind in KINDS
}

#: Kinds by (apiVersion, kind): what a body or an owner reference names.
BY_TYPE: Final[dict[tuple[str, str], Kind]] = {(kind.api_version, kind.kind): kind for kind in KINDS}


def kind_of(key: str) -> Kind:
    """The kind with this kind string.

    Raises:
        KeyError: no such kind is kept.
    """
    return STORED[key]
