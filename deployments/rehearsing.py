"""Worker side of a preflight: every object of a wish as a server-side dry run, and the namespace's bounds."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from deployments import clients
from deployments.models import Cluster
from deployments.rehearsal import Limit, Quota, Refusal, Rehearsal, as_json
from k8s import manifests
from k8s.cluster import Cluster as ClusterClient
from k8s.cluster import Manifest, Ref
from k8s.errors import (
    ClusterError,
    ClusterUnavailable,
    Forbidden,
    NotFound,
    TooManyRequests,
    Unauthorized,
    UnusableCredentials,
)
from k8s.labels import MANAGED_BY, MANAGED_BY_US
from k8s.spec import Wish

_MANAGED_BY_LABEL = MANAGED_BY_US.partition("=")[0]
# Of these only an own one may be written over. Secrets are not read.
_COULD_BE_FOREIGN = ("Deployment", "Service")
# Scopes of quotas that our pods are never in: they have requests, and no deadline.
_OTHER_SCOPES = {"BestEffort", "Terminating"}
# Not an answer about this wish: whoever asked is told that nothing could be asked.
_NO_ANSWER = (ClusterUnavailable, TooManyRequests, Unauthorized, UnusableCredentials)


def rehearse(cluster_id: int, *, wish: Mapping[str, Any], is_new: bool) -> dict[str, Any]:
    """`wish` is `k8s.spec.Wish` in JSON; `is_new` when nothing of it was ever applied.

    Answers a `Rehearsal` in JSON.

    Raises:
        Cluster.DoesNotExist, ClusterUnavailable, TooManyRequests, Unauthorized, UnusableCredentials.
    """
    row = Cluster.objects.get(pk=cluster_id)
    cluster = clients.client_of(row)
    typed = msgspec.convert(wish, Wish)
    # A rehearsal needs no secret value, so none is opened.
    wanted = manifests.build(typed, secrets=manifests.placeholders(typed), gpu_resource=row.gpu_resource)
    found = _Findings(cluster, typed.namespace)
    for manifest in wanted:
        if is_new and manifest["kind"] in _COULD_BE_FOREIGN and found.is_foreign(manifest):
            continue
        if not found.try_one(manifest):
            break
    if not found.namespace_missing:
        found.read_bounds()
    return as_json(found.rehearsal())


class _Findings:
    """What has been learnt so far of one namespace."""

    def __init__(self, cluster: ClusterClient, namespace: str) -> None:
        self.namespace_missing = False
        self._cluster = cluster
        self._namespace = namespace
        self._tried: list[str] = []
        self._refusals: list[Refusal] = []
        self._warnings: dict[str, None] = {}
        self._quotas: tuple[Quota, ...] | None = None
        self._limits: tuple[Limit, ...] | None = None
        self._gaps: list[str] = []

    def is_foreign(self, manifest: Manifest) -> bool:
        """Whether somebody else's object has the name; it is then among the refusals."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        try:
            there = self._cluster.get(Ref(kind, self._namespace, name))
        except NotFound:
            return False
        except _NO_ANSWER:
            raise
        except ClusterError as exc:
            self._gaps.append(f"Whether there is a {kind} {name} already: {exc.message}")
            return False
        labels: dict[str, str] = there.get("metadata", {}).get("labels") or {}
        if labels.get(_MANAGED_BY_LABEL) == MANAGED_BY:
            return False
        text = (
            f"It exists in namespace {self._namespace} and is not managed by Timoneiro; choose another name."
        )
        self._refusals.append(Refusal(kind=kind, name=name, message=text))
        return True

    def try_one(self, manifest: Manifest) -> bool:
        """False when the others need not be tried: the namespace is not there yet."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        try:
            answer = self._cluster.apply(manifest, dry_run=True)
        except _NO_ANSWER:
            raise
        except NotFound as exc:
            if f'namespaces "{self._namespace}"' in exc.message:
                self.namespace_missing = True
                self._gaps.append(f"Namespace {self._namespace} is made with the first deployment.")
                return False
            self._refusals.append(Refusal(kind=kind, name=name, message=exc.message))
        except ClusterError as exc:
            self._refusals.append(Refusal(kind=kind, name=name, message=exc.message))
        else:
            self._warnings.update(dict.fromkeys(answer.warnings))
        self._tried.append(kind)
        return True

    def read_bounds(self) -> None:
        """Quotas and limit ranges of the namespace; a missing permission is a gap."""
        try:
            self._quotas = tuple(self._read_quotas())
        except Forbidden as exc:
            self._gaps.append(f"Quotas may not be read: {exc.message}")
        try:
            self._limits = tuple(limit for found in self._list("LimitRange") for limit in _limits(found))
        except Forbidden as exc:
            self._gaps.append(f"Limit ranges may not be read: {exc.message}")

    def _read_quotas(self) -> Iterator[Quota]:
        for found in self._list("ResourceQuota"):
            spec: dict[str, Any] = found.get("spec") or {}
            if spec.get("scopeSelector"):
                name = found["metadata"]["name"]
                self._gaps.append(f"Quota {name} is for chosen pods only; whether for these was not checked.")
            elif not _OTHER_SCOPES.intersection(spec.get("scopes") or ()):
                yield _quota(found)

    def _list(self, kind: str) -> list[Manifest]:
        return self._cluster.list(kind, self._namespace)

    def rehearsal(self) -> Rehearsal:
        return Rehearsal(
            tried=tuple(self._tried),
            refusals=tuple(self._refusals),
            warnings=tuple(self._warnings),
            quotas=self._quotas,
            limits=self._limits,
            gaps=tuple(self._gaps),
        )


def _quota(found: Manifest) -> Quota:
    status: dict[str, Any] = found.get("status") or {}
    hard = status.get("hard") or (found.get("spec") or {}).get("hard") or {}
    return Quota(name=found["metadata"]["name"], hard=_texts(hard), used=_texts(status.get("used") or {}))


def _limits(found: Manifest) -> list[Limit]:
    entries: list[dict[str, Any]] = (found.get("spec") or {}).get("limits") or []
    return [
        Limit(
            name=found["metadata"]["name"],
            type=str(entry.get("type", "")),
            min=_texts(entry.get("min") or {}),
            max=_texts(entry.get("max") or {}),
        )
        for entry in entries
    ]


def _texts(quantities: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in quantities.items()}
