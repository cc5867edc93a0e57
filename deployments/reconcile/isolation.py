"""Closing a team's namespace to others, and opening it, by a NetworkPolicy."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from deployments import clients
from deployments.models import Namespace
from deployments.reconcile import writing
from deployments.reconcile.postponing import REPEAT_AFTER, postpone
from k8s import manifests
from k8s.cluster import Cluster, Manifest, Ref
from k8s.errors import ClusterError, UnusableCredentials

_ROUNDS = 5
_LOOK_AGAIN_SECONDS = 2.0


def find_unsettled_isolations(now: datetime) -> list[int]:
    """Namespaces whose policy is not what it has to be, and those not looked after for a while."""
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    rows = Namespace.objects.filter(due).exclude(isolated=False, applied_policy={})
    reachable = rows.exclude(cluster__credentials="").select_related("team", "cluster")
    return [row.pk for row in reachable if _is_unsettled(row, now)]


def reconcile_isolation(namespace_id: int, *, connect: clients.Connect = clients.client_of) -> float | None:
    """Writes the NetworkPolicy, or takes ours away.

    Answers in how many seconds to come again, None for not. Two that do this at once end with what is
    wanted last: each compares, after writing, what it wrote with what is wanted by then.
    """
    for _ in range(_ROUNDS):
        row = Namespace.objects.select_related("team", "cluster").filter(pk=namespace_id).first()
        now = timezone.now()
        if row is None or not _is_unsettled(row, now) or (row.retry_at is not None and row.retry_at > now):
            return None
        wanted = _wanted(row)
        try:
            _write(row, wanted, connect(row.cluster))
        except (ClusterError, UnusableCredentials) as exc:
            return postpone(row, exc)
        if _store_written(row, wanted):
            return None
    return _LOOK_AGAIN_SECONDS


def _wanted(row: Namespace) -> Manifest | None:
    if not row.isolated:
        return None
    return manifests.isolation(row.name, row.team.name, row.ingress_from)


def _spec_of(manifest: Manifest | None) -> dict[str, Any]:
    return manifest["spec"] if manifest else {}


def _is_unsettled(row: Namespace, now: datetime) -> bool:
    if _spec_of(_wanted(row)) != row.applied_policy:
        return True
    return row.isolated and (row.applied_at is None or row.applied_at <= now - REPEAT_AFTER)


def _write(row: Namespace, wanted: Manifest | None, cluster: Cluster) -> None:
    """Raises: ClusterError."""
    if wanted is None:
        # Only one that we have written: others may have a policy of that name.
        cluster.delete(Ref("NetworkPolicy", row.name, manifests.POLICY_NAME))
        return
    if not row.applied_policy:
        writing.refuse_foreign([wanted], cluster)
    writing.apply_in_namespace(wanted, row.team.name, cluster)


def _store_written(row: Namespace, wanted: Manifest | None) -> bool:
    """False where something else is wanted by now."""
    with transaction.atomic():
        rows = Namespace.objects.select_for_update(of=("self",), no_key=True).select_related("team")
        fresh = rows.filter(pk=row.pk).first()
        if fresh is None:
            return True
        fresh.applied_policy, fresh.applied_at = _spec_of(wanted), timezone.now()
        fresh.apply_error, fresh.apply_attempts, fresh.retry_at = "", 0, None
        fresh.save(
            update_fields=["applied_policy", "applied_at", "apply_error", "apply_attempts", "retry_at"]
        )
        return _spec_of(_wanted(fresh)) == fresh.applied_policy
