"""The verbs Timoneiro allows itself on a cluster.

Code outside `k8s` depends on this Protocol and on `k8s.errors`, never on the
Kubernetes client. Every verb has a time limit and raises only `k8s.errors`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Manifest = dict[str, Any]

FIELD_MANAGER = "timoneiro"
HANDOVER_MANAGER = "timoneiro-handover"
"""Owns the count of replicas between our last word on it and an autoscaler's first."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One namespaced object. `kind` is the Kubernetes kind, for instance "Deployment"."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What the cluster answered to an apply: the whole object and its `Warning: 299` remarks."""

    object: Manifest
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which log lines to read. `tail_lines` None means all; `since_seconds` None means from the start."""

    container: str | None = None
    previous: bool = False
    tail_lines: int | None = 200
    since_seconds: int | None = None
    timestamps: bool = True


@dataclass(frozen=True, slots=True)
class ProxyResponse:
    """Answer of a workload reached through the Service proxy; body cut at the caller's limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False
    latency_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Permission:
    """A verb on a resource, asked of the cluster with SelfSubjectAccessReview."""

    verb: str
    resource: str
    group: str = ""
    namespace: str | None = None
    subresource: str = ""


class Cluster(Protocol):
    """A cluster, as much of it as Timoneiro uses. Implemented by `k8s.client.KubernetesCluster`."""

    def version(self) -> str:
        """Git version of the API server, for instance "v1.36.2"."""

    def can_i(self, permission: Permission) -> bool: ...

    def apply(
        self,
        manifest: Manifest,
        *,
        force: bool = True,
        dry_run: bool = False,
        field_manager: str = FIELD_MANAGER,
    ) -> Applied:
        """Server-side apply. What a field manager applied before and now leaves out, it gives up.

        Raises:
            Invalid, MalformedRequest, Forbidden, FieldConflict, ClusterUnavailable, ...
        """

    def get(self, ref: Ref) -> Manifest:
        """Raises: NotFound, ClusterUnavailable, ..."""

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Manifest]:
        """All objects of a kind, paged; `namespace` None means all namespaces."""

    def scale(self, ref: Ref, replicas: int) -> None:
        """Sets the count through the scale subresource."""

    def delete(self, ref: Ref, *, grace_seconds: int | None = None) -> bool:
        """Deletes with foreground-free (background) propagation; False when it was not there."""

    def logs(self, namespace: str, pod: str, query: LogQuery) -> str: ...

    def follow_logs(self, namespace: str, pod: str, query: LogQuery) -> Iterator[str]:
        """Lines as they appear, without their newline, until the container ends or the iterator is closed."""

    def service_proxy(
        self,
        namespace: str,
        service: str,
        port: int,
        *,
        method: str,
        path: str,
        body: bytes | None,
        content_type: str | None,
        timeout_seconds: float,
        max_bytes: int,
    ) -> ProxyResponse:
        """Sends one request to a Service. An HTTP error of the workload is an answer, not an exception.

        Raises:
            ServiceHasNoEndpoints: nothing ready is behind the Service.
        """

    def close(self) -> None: ...
