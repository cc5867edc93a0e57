"""Worker side: asks a deployment's own Service for its health path."""

import logging
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.utils import timezone

from deployments import clients, diagnosing, nudges, settling
from deployments.locking import lock_row
from deployments.models import Deployment
from deployments.spec import spec_of
from k8s import errors
from k8s.cluster import Cluster

logger = logging.getLogger(__name__)

Outcome = Literal["answered", "silent", "unknown", "settled"]

ANSWER_SECONDS = 3.0
_MAX_ANSWER_BYTES = 1_000
_LONGEST_PROBLEM = 300


def check_endpoint(deployment_id: int, *, connect: clients.Connect = clients.client_of) -> Outcome:
    """Asks, if the newest pods are ready and have not answered yet; keeps the answer, judges anew and tells.

    "silent": it does not answer yet. "unknown": the cluster's own trouble, which says
    nothing about the deployment. "settled": there is nothing to ask.
    """
    rows = Deployment.objects.select_related("cluster", "team", "version__model")
    row = rows.filter(pk=deployment_id, deleted_at=None).first()
    facts = settling.stored_facts(row) if row is not None else None
    if row is None or facts is None:
        return "settled"
    if not settling.awaits_answer(row, settling.stored_pods(row), timezone.now()):
        return "settled"
    try:
        problem = _ask(row, connect(row.cluster))
    except errors.ClusterError as exc:
        logger.info("the address of deployment %s could not be asked: %s", row.pk, exc)
        return "unknown"
    _keep(row.pk, facts.template, problem, timezone.now())
    return "silent" if problem else "answered"


def _ask(row: Deployment, cluster: Cluster) -> str:
    """What is wrong with the answer, in words; "" when nothing is.

    Raises:
        ClusterError: the cluster's own trouble.
    """
    spec = spec_of(row)
    try:
        answer = cluster.service_proxy(
            row.namespace,
            row.name,
            spec.service.port,
            method="GET",
            path=spec.health_path,
            body=None,
            content_type=None,
            timeout_seconds=ANSWER_SECONDS,
            max_bytes=_MAX_ANSWER_BYTES,
        )
    except (errors.Forbidden, errors.UnsafePath) as exc:
        # We may not ask, or not for this path: the node's own check of the pods has to do.
        logger.warning("deployment %s counts as answering, it may not be asked: %s", row.pk, exc)
        return ""
    except errors.AnswerTooSlow:
        return f"no answer from {spec.health_path} within {ANSWER_SECONDS:.0f} s"
    except errors.ServiceHasNoEndpoints as exc:
        return exc.message
    return "" if answer.status < 400 else f"{spec.health_path} is answered with {answer.status}"


def _keep(deployment_id: int, template: str, problem: str, now: datetime) -> None:
    with transaction.atomic():
        row = lock_row(deployment_id)
        facts = settling.stored_facts(row)
        if facts is None or facts.template != template or row.deleted_at is not None:
            # Other pods have come since: what was asked says nothing about them.
            return
        row.answer_problem = problem[:_LONGEST_PROBLEM]
        if not problem:
            row.answered_template = template
        row.save(update_fields=["answer_problem", "answered_template"])
        if settling.refresh(row, now=now):
            transaction.on_commit(lambda: nudges.publish(row), robust=True)
    nudges.send(*diagnosing.rediagnose([deployment_id], now=now).values())
