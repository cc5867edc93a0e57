"""The journey of a wish from the row to the cluster."""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.db import transaction
from django.utils import timezone

from deployments import clients, nudges, operations, settling, tracing
from deployments.models import Deployment, OperationState, Pod, SecretValue, TimelineEntry
from deployments.reconcile import leases, quotas, writing
from deployments.reconcile.backoff import wait_seconds
from deployments.sealing import SealBroken
from k8s.errors import ClusterError, UnusableCredentials

logger = logging.getLogger(__name__)


# Wishes that come while we write are written too, but a person who holds a
# button down must not keep a worker to themselves.
_ROUNDS = 5
_LOOK_AGAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reconcile ended; `again_in_seconds` None means that nothing is left to do for now."""

    word: Literal["settled", "applied", "deleted", "removing", "busy", "postponed", "refused", "superseded"]
    again_in_seconds: float | None = None


def reconcile_deployment(deployment_id: int, *, connect: clients.Connect = clients.client_of) -> Outcome:
    """Writes the newest wish, and again as long as it changes meanwhile.

    Never raises for a cluster's trouble: passing trouble is tried again later,
    a refusal is kept on the row and its operations until there is a new wish.
    """
    holder = uuid.uuid4()
    try:
        for _ in range(_ROUNDS):
            row = leases.take(deployment_id, holder)
            if row is None:
                return Outcome("settled")
            with tracing.working_for(**operations.ids_of(operations.newest_unfinished(row))):
                outcome = _one_round(row, holder, connect)
            if outcome is not None:
                return outcome
    except leases.Busy as busy:
        # The holder writes the newest wish, unless it died: look when its lease has run out.
        wait = (busy.until - timezone.now()).total_seconds()
        return Outcome("busy", max(0.5, wait + 0.2))
    except leases.LeaseLost:
        return Outcome("superseded", _LOOK_AGAIN_SECONDS)
    leases.release(deployment_id, holder)
    return Outcome("superseded", 0)


def _one_round(row: Deployment, holder: uuid.UUID, connect: clients.Connect) -> Outcome | None:
    """None when the wish changed while it was written."""
    renew = lambda: leases.renew(row, holder)  # noqa: E731
    try:
        cluster = connect(row.cluster)
        if row.delete_requested_at is not None:
            return _store_removed(row, holder, left=writing.remove(row, cluster, renew))
        quotas.make_room(row, cluster, renew)
        remember = lambda kinds: _remember_kinds(row, holder, kinds)  # noqa: E731
        return _store_written(row, holder, writing.write(row, cluster, renew, remember))
    except (UnusableCredentials, SealBroken) as exc:
        return _postpone(row, holder, str(exc))
    except ClusterError as exc:
        if writing.is_passing(exc):
            clients.forget(row.cluster)
            return _postpone(row, holder, str(exc), at_least_seconds=exc.retry_after_seconds or 0)
        return _refuse(row, holder, exc)


def _remember_kinds(row: Deployment, holder: uuid.UUID, kinds: Iterable[str]) -> None:
    """Before such an object is made. Raises: LeaseLost."""
    wanted = list(kinds)
    if wanted == row.applied_kinds:
        return
    if not Deployment.objects.filter(pk=row.pk, lease_holder=holder).update(applied_kinds=wanted):
        raise leases.LeaseLost


def _store_written(row: Deployment, holder: uuid.UUID, written: writing.Written) -> Outcome | None:
    with transaction.atomic():
        fresh = leases.lock_held(row, holder)
        fresh.cluster_generation = written.cluster_generation
        # An autoscaler may have gone on since we wrote, which was seen while nobody judged.
        settling.adopt_if_autoscaled(fresh, count_before=written.replicas)
        fresh.node_port = written.node_port
        fresh.applied_kinds = written.kinds
        if writing.AUTOSCALER not in written.kinds:
            fresh.autoscaler = None
        if fresh.generation != row.generation:
            # Somebody wished anew while we wrote. The lease stays ours; go again.
            fresh.save(update_fields=["cluster_generation", "node_port", "applied_kinds", "autoscaler"])
            return None
        first = fresh.applied_generation < fresh.generation
        removed_meanwhile = fresh.drifted and not row.drifted
        _settle_row(fresh)
        if first:
            text = f"Applied to cluster {fresh.cluster.name}"
            TimelineEntry.objects.create(deployment=fresh, kind="applied", text=text)
        for operation in operations.unfinished(fresh):
            operations.move(operation, OperationState.WAITING, detail="; ".join(written.warnings))
        if removed_meanwhile:
            # The observer saw one of our objects go, maybe after we wrote it: write once more.
            fresh.drifted = True
            fresh.save(update_fields=["drifted"])
        _judge_and_tell(fresh)
    # Somebody changes it as fast as we do: not a race to win, but not to lose either.
    return Outcome("applied", _LOOK_AGAIN_SECONDS if fresh.drifted else None)


def _store_removed(row: Deployment, holder: uuid.UUID, *, left: int) -> Outcome:
    with transaction.atomic():
        fresh = leases.lock_held(row, holder)
        _settle_row(fresh)
        for operation in operations.unfinished(fresh):
            operations.move(operation, OperationState.WAITING)
        if left == 0:
            fresh.deleted_at = timezone.now()
            fresh.facts, fresh.autoscaler, fresh.node_port = None, None, None
            fresh.applied_kinds = []
            fresh.save(update_fields=["deleted_at", "facts", "autoscaler", "node_port", "applied_kinds"])
            Pod.objects.filter(deployment=fresh).delete()
            # The history names its secret variables; their values serve nobody any more.
            SecretValue.objects.filter(deployment=fresh).delete()
        _judge_and_tell(fresh)
    return Outcome("deleted") if left == 0 else Outcome("removing", _LOOK_AGAIN_SECONDS)


def _settle_row(fresh: Deployment) -> None:
    fresh.applied_generation = fresh.generation
    fresh.applied_at = timezone.now()
    fresh.drifted = False
    fresh.apply_error, fresh.apply_attempts, fresh.retry_at = "", 0, None
    fresh.lease_holder, fresh.lease_until = None, None
    fresh.save()


def _judge_and_tell(fresh: Deployment) -> None:
    now = timezone.now()
    # The observer kept silent about drift while we held the lease.
    if settling.is_drifted(fresh, now):
        settling.mark_drifted(fresh, "Changed outside Timoneiro; being put back", now)
    settling.refresh(fresh, now=now)
    transaction.on_commit(lambda: nudges.publish(fresh), robust=True)


def _postpone(row: Deployment, holder: uuid.UUID, reason: str, *, at_least_seconds: float = 0) -> Outcome:
    with transaction.atomic():
        fresh = leases.lock_held(row, holder)
        fresh.apply_attempts += 1
        wait = wait_seconds(fresh.apply_attempts, at_least=at_least_seconds)
        fresh.retry_at = timezone.now() + timedelta(seconds=wait)
        fresh.apply_error = f"Not applied yet, trying again: {reason}"
        fresh.lease_holder, fresh.lease_until = None, None
        fresh.save(update_fields=["apply_attempts", "retry_at", "apply_error", "lease_holder", "lease_until"])
        _judge_and_tell(fresh)
    logger.warning("deployment %s not applied, again in %.1f s: %s", row.pk, wait, reason)
    return Outcome("postponed", wait)


def _refuse(row: Deployment, holder: uuid.UUID, error: ClusterError) -> Outcome | None:
    with transaction.atomic():
        fresh = leases.lock_held(row, holder)
        if fresh.generation != row.generation:
            return None
        fresh.refused_generation = fresh.generation
        fresh.apply_error = f"The cluster refused it: {error.message}"
        fresh.lease_holder, fresh.lease_until = None, None
        fresh.save(update_fields=["refused_generation", "apply_error", "lease_holder", "lease_until"])
        problem = _problem(error)
        for operation in operations.unfinished(fresh):
            operations.move(operation, OperationState.FAILED, detail=error.message, error=problem)
        TimelineEntry.objects.create(deployment=fresh, kind="error", text=fresh.apply_error[:400])
        _judge_and_tell(fresh)
    logger.warning("deployment %s refused by its cluster: %s", row.pk, error)
    return Outcome("refused")


def _problem(error: ClusterError) -> dict[str, object]:
    """The refusal as a problem of the REST contract, with the cluster's own words and fields."""
    return {
        "type": "about:blank",
        "title": "The cluster refused it",
        "status": error.status or 502,
        "code": "cluster_refused",
        "detail": error.message,
        "reason": error.reason or type(error).__name__,
        "errors": [
            {"field": cause.field, "message": cause.message, "code": cause.reason or "invalid"}
            for cause in error.causes
        ],
    }
