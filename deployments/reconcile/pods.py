"""Deleting one pod: done once, asked again until the cluster has heard it."""

import logging
import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from deployments import clients, nudges, operations, settling, tracing
from deployments.locking import lock_row
from deployments.models import Operation, OperationState
from deployments.reconcile import writing
from k8s.cluster import Ref
from k8s.errors import ClusterError, UnusableCredentials

logger = logging.getLogger(__name__)

# Nobody wants a pod deleted that they asked about an hour ago.
GIVE_UP_AFTER = timedelta(minutes=10)


def delete_pod(operation_id: uuid.UUID, *, connect: clients.Connect = clients.client_of) -> None:
    """Deletes the pod an operation names. A second run finds nothing to do."""
    rows = Operation.objects.select_related("deployment__cluster", "deployment__team")
    operation = rows.get(pk=operation_id)
    if operation.state not in (OperationState.QUEUED, OperationState.APPLYING):
        return
    with tracing.working_for(**operations.ids_of(operation)):
        _delete(operation, connect)


def _delete(operation: Operation, connect: clients.Connect) -> None:
    deployment = operation.deployment
    try:
        connect(deployment.cluster).delete(
            Ref("Pod", deployment.namespace, str(operation.arguments.get("pod", "")))
        )
    except UnusableCredentials as exc:
        logger.warning("pod of deployment %s not deleted: %s", deployment.pk, exc)
    except ClusterError as exc:
        _not_deleted(operation, exc)
    else:
        _move(operation, OperationState.WAITING)


def _not_deleted(operation: Operation, error: ClusterError) -> None:
    late = timezone.now() - operation.created_at > GIVE_UP_AFTER
    if writing.is_passing(error) and not late:
        clients.forget(operation.deployment.cluster)
        logger.warning("operation %s: pod not deleted, the sweep asks again: %s", operation.pk, error)
        return
    _move(operation, OperationState.FAILED, error=error)


def _move(operation: Operation, state: OperationState, *, error: ClusterError | None = None) -> None:
    problem = None
    if error is not None:
        problem = {
            "type": "about:blank",
            "title": "The pod was not deleted",
            "status": error.status or 503,
            "code": "pod_not_deleted",
            "detail": error.message,
            "errors": [],
        }
    with transaction.atomic():
        row = lock_row(operation.deployment_id)
        fresh = Operation.objects.get(pk=operation.pk)
        operations.move(fresh, state, detail=error.message if error else "", error=problem)
        settling.refresh(row)
        transaction.on_commit(lambda: nudges.publish(row, fresh), robust=True)
