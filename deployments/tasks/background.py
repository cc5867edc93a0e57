"""Tasks of the `reconcile` queue. A lost one costs seconds: the sweep finds what is unsettled."""

import time
import uuid

from celery import shared_task

from deployments import (
    capturing,
    diagnosing,
    endpoint_check,
    heartbeat,
    intent,
    nudges,
    retention,
    reviewing,
    scheduling,
    webhooks,
)
from deployments import reconcile as reconciling
from deployments.metrics import RECONCILES
from deployments.models import Cluster
from deployments.queue import (
    enqueue,
    enqueue_check,
    enqueue_delivery,
    enqueue_isolation,
    enqueue_pod_delete,
    enqueue_quota,
    enqueue_review,
    enqueue_rollback,
)
from deployments.usage import rolling

# Endpoints follow ready pods within a moment: asked again after 0.1, 0.2, 0.4 and 0.8 s.
_QUICK_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.1
_MOST_ROLL_UPS = 6


@shared_task(name="deployments.tasks.reconcile")
def reconcile(deployment_id: int) -> None:
    """Makes the cluster match the newest wish."""
    begun = time.perf_counter()
    outcome = reconciling.reconcile_deployment(deployment_id)
    RECONCILES.labels(outcome.word).observe(time.perf_counter() - begun)
    if outcome.again_in_seconds is not None:
        enqueue(deployment_id, countdown=outcome.again_in_seconds)


@shared_task(name="deployments.tasks.delete_pod")
def delete_pod(operation_id: str) -> None:
    """Deletes the one pod that an operation names."""
    reconciling.delete_pod(uuid.UUID(operation_id))


@shared_task(name="deployments.tasks.keep_quota")
def keep_quota(quota_id: int) -> None:
    """Makes a namespace's ResourceQuota what its team may ask for."""
    again_in_seconds = reconciling.reconcile_quota(quota_id)
    if again_in_seconds is not None:
        enqueue_quota(quota_id, countdown=again_in_seconds)


@shared_task(name="deployments.tasks.isolate")
def isolate(namespace_id: int) -> None:
    """Closes a namespace to others, or opens it."""
    again_in_seconds = reconciling.reconcile_isolation(namespace_id)
    if again_in_seconds is not None:
        enqueue_isolation(namespace_id, countdown=again_in_seconds)


@shared_task(name="deployments.tasks.sweep")
def sweep() -> None:
    """Sends again whatever is unsettled and in nobody's hands."""
    found = reconciling.find_unsettled()
    for deployment_id in found.deployments:
        enqueue(deployment_id)
    for operation_id in found.pod_deletes:
        enqueue_pod_delete(operation_id)
    for deployment_id in found.stuck:
        enqueue_rollback(deployment_id)
    for deployment_id in found.unanswered:
        enqueue_check(deployment_id)
    for quota_id in found.quotas:
        enqueue_quota(quota_id)
    for namespace_id in found.isolations:
        enqueue_isolation(namespace_id)
    for delivery_id in webhooks.due_deliveries():
        enqueue_delivery(delivery_id)
    heartbeat.note_sweep()


@shared_task(name="deployments.tasks.roll_back")
def roll_back(deployment_id: int) -> None:
    """Brings back what served before a rollout got stuck, where that is wished for."""
    intent.automatic_rollback(deployment_id)


@shared_task(name="deployments.tasks.capture_logs")
def capture_logs(deployment_id: int) -> None:
    """Keeps what crashed containers wrote, and says anew what is wrong."""
    if capturing.capture_logs(deployment_id):
        nudges.send(*diagnosing.rediagnose([deployment_id]).values())


@shared_task(name="deployments.tasks.check_endpoint")
def check_endpoint(deployment_id: int, attempt: int = 0) -> None:
    """Asks whether an address answers: soon again for a while, then whenever the observer looks."""
    outcome = endpoint_check.check_endpoint(deployment_id)
    if outcome == "silent" and attempt < _QUICK_ATTEMPTS:
        enqueue_check(deployment_id, attempt=attempt + 1, countdown=_FIRST_PAUSE_SECONDS * 2**attempt)


@shared_task(name="deployments.tasks.deliver")
def deliver(delivery_id: int) -> None:
    """Tells one webhook of one thing that happened."""
    webhooks.deliver(delivery_id)


@shared_task(name="deployments.tasks.fire_schedules")
def fire_schedules() -> None:
    """Does what the clock asks for."""
    scheduling.fire_due()


@shared_task(name="deployments.tasks.review_use")
def review_use() -> None:
    """Looks at what was used, in every cluster."""
    for cluster_id in Cluster.objects.values_list("pk", flat=True):
        enqueue_review(cluster_id)


@shared_task(name="deployments.tasks.review_cluster")
def review_cluster(cluster_id: int, after: int = 0) -> None:
    """Says anew what deployments of a cluster would do with; the next ones in a task of their own."""
    last = reviewing.review(cluster_id, after=after)
    if last is not None:
        enqueue_review(cluster_id, after=last)


@shared_task(name="deployments.tasks.roll_up")
def roll_up() -> None:
    """Adds up the samples of the last minutes, and some hours of a backlog if there is one."""
    for _ in range(_MOST_ROLL_UPS):
        if not rolling.roll_up():
            return


@shared_task(name="deployments.tasks.forget_old")
def forget_old() -> None:
    """Deletes what nobody will look for any more."""
    retention.forget_old()
