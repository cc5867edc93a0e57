"""Keeping a team's quota in its namespace, as a ResourceQuota and a LimitRange.

The ResourceQuota allows what the limits say, and never less than what accepted wishes may hold just
now: Kubernetes counts pods on their way out beside those on their way in, so while a deployment is not
at rest it may hold its pods twice. That room is made before a wish is written, and ends when it has
settled. See docs/decisions/0013.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from deployments import clients
from deployments.models import Deployment, Namespace, Quota, State
from deployments.quotas import (
    Asked,
    Place,
    asked_by_place,
    has_limits,
    limits_of,
    one_replica_of,
    promised_replicas,
)
from deployments.reconcile import writing
from deployments.reconcile.postponing import REPEAT_AFTER, postpone
from k8s import manifests
from k8s.cluster import Cluster, Ref
from k8s.errors import ClusterError, UnusableCredentials

Hard = dict[str, str]
"""What a ResourceQuota allows, by Kubernetes' names; {} for no ResourceQuota."""

_ROUNDS = 5
_LOOK_AGAIN_SECONDS = 2.0
_KINDS = ("ResourceQuota", "LimitRange")
_AT_REST = Q(
    applied_generation=F("generation"),
    drifted=False,
    delete_requested_at=None,
    state__in=(State.RUNNING, State.PAUSED),
)


def find_unsettled_quotas(now: datetime) -> list[int]:
    """Quotas whose ResourceQuota is not what it has to be, and those not looked after for a while."""
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    # Where the team has no namespace any more there is nothing to keep.
    rows = list(Quota.objects.filter(due, team__namespaces__cluster=F("cluster")).select_related("cluster"))
    wanted = wanted_hards([row for row in rows if has_limits(row)])
    return [row.pk for row in rows if _is_unsettled(row, wanted.get(row.pk, {}), now)]


def reconcile_quota(quota_id: int, *, connect: clients.Connect = clients.client_of) -> float | None:
    """Makes the namespace's ResourceQuota and LimitRange what the quota says, or takes them away.

    Answers in how many seconds to come again, None for not. Two that do this at once end with what is
    wanted last: each compares, after writing, what it wrote with what is wanted by then.
    """
    for _ in range(_ROUNDS):
        row = Quota.objects.select_related("team", "cluster").filter(pk=quota_id).first()
        if row is None:
            return None
        wanted = wanted_hards([row])[row.pk]
        now = timezone.now()
        # Postponed by another that tried meanwhile: it comes again, or the sweep does.
        if not _is_unsettled(row, wanted, now) or (row.retry_at is not None and row.retry_at > now):
            return None
        try:
            written = _write(row, wanted, connect(row.cluster))
        except (ClusterError, UnusableCredentials) as exc:
            return postpone(row, exc)
        if not written or _store_written(row, wanted):
            return None
    return _LOOK_AGAIN_SECONDS


def make_room(deployment: Deployment, cluster: Cluster, before: Callable[[], None]) -> None:
    """Lets the pods of a wish that is about to be written in; `before` is called before anything is sent.

    What goes wrong is kept with the quota: a deployment does not wait for it.
    """
    quota = Quota.objects.select_related("team", "cluster").filter(
        team=deployment.team_id, cluster=deployment.cluster_id
    )
    row = quota.first()
    now = timezone.now()
    if row is None or (row.retry_at is not None and row.retry_at > now):
        return
    wanted = wanted_hards([row])[row.pk]
    if not _is_unsettled(row, wanted, now):
        return
    before()
    try:
        written = _write(row, wanted, cluster)
    except ClusterError as exc:
        postpone(row, exc)
        return
    if written:
        # Where it is another one by now, the sweep goes on.
        _store_written(row, wanted)


def wanted_hards(quotas: Collection[Quota]) -> dict[int, Hard]:
    """What the ResourceQuota of each has to allow now, by the quotas' primary keys, in two queries."""
    teams, clusters = {row.team_id for row in quotas}, {row.cluster_id for row in quotas}
    rows = Deployment.objects.filter(team__in=teams, cluster__in=clusters, deleted_at=None)
    asked = asked_by_place(rows)
    room: dict[Place, Asked] = {}
    for deployment in rows.exclude(_AT_REST):
        # Also of what is paused or deleted: its pods are on their way out.
        held = one_replica_of(deployment) * promised_replicas(deployment)
        place = (deployment.team_id, deployment.cluster_id)
        room[place] = room.get(place, Asked()) + held
    return {
        row.pk: _hard(row, asked.get(place, Asked()) + room.get(place, Asked()))
        for row in quotas
        for place in ((row.team_id, row.cluster_id),)
    }


def _hard(quota: Quota, needed: Asked) -> Hard:
    allowed = {
        name: None if limit is None else max(limit, needed.of(name))
        for name, limit in limits_of(quota).items()
    }
    return manifests.quota_hard(
        cpu=allowed["cpu"],
        memory=allowed["memory"],
        gpu=allowed["gpu"],
        replicas=allowed["replicas"],
        deployments=allowed["deployments"],
        gpu_resource=quota.cluster.gpu_resource,
    )


def _is_unsettled(row: Quota, wanted: Hard, now: datetime) -> bool:
    return row.applied_generation < row.generation or wanted != row.applied_hard or _is_old(row, now)


def _is_old(row: Quota, now: datetime) -> bool:
    return bool(row.applied_hard) and (row.applied_at is None or row.applied_at <= now - REPEAT_AFTER)


def _write(row: Quota, wanted: Hard, cluster: Cluster) -> bool:
    """False where the team has no namespace any more.

    Raises:
        ClusterError.
    """
    space = Namespace.objects.filter(team=row.team_id, cluster=row.cluster_id).first()
    if space is None:
        return False
    if not wanted:
        # Only what we have written: others may have an object of that name.
        for kind in _KINDS if row.applied_hard else ():
            cluster.delete(Ref(kind, space.name, manifests.QUOTA_NAME))
        return True
    team = row.team.name
    made = [manifests.limit_range(space.name, team), manifests.resource_quota(space.name, team, wanted)]
    if not row.applied_hard:
        writing.refuse_foreign(made, cluster)
    for manifest in made:
        writing.apply_in_namespace(manifest, team, cluster)
    return True


def _store_written(row: Quota, wanted: Hard) -> bool:
    """False where something else is wanted by now."""
    with transaction.atomic():
        fresh = Quota.objects.select_for_update(of=("self",)).select_related("cluster").get(pk=row.pk)
        fresh.applied_hard, fresh.applied_at = wanted, timezone.now()
        is_newest = fresh.generation == row.generation and wanted_hards([fresh])[row.pk] == wanted
        if is_newest:
            fresh.applied_generation = fresh.generation
            fresh.apply_error, fresh.apply_attempts, fresh.retry_at = "", 0, None
        fresh.save()
        return is_newest
