"""Requests that come twice, and requests that come too late.

With each wish its operation keeps what is needed to tell the two apart: a digest of
the request, and the wish as it was, apart from its numbered spec.
"""

import copy
import json
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.dateparse import parse_datetime

from deployments.errors import StaleGeneration
from deployments.models import Deployment, Operation, Revision
from deployments.operations import ONE_SHOT
from deployments.selectors import wish_of
from k8s import manifests
from k8s.spec import Wish

_SALT = "deployments.intent.request"
_TOLD = 3
DOUBLE_CREATE = timedelta(seconds=60)
"""How long an equal create of the same person is taken for the same one."""


def digest_of(actor: str, action: str, request: object) -> str:
    """What an equal request of the same actor gets again.

    Keyed, because requests may hold secrets that a plain hash would let people guess.
    """
    text = json.dumps([actor, action, request], sort_keys=True, default=str)
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()


def remember(row: Deployment, text: str, digest: str) -> dict[str, Any]:
    """What the operation of the newest wish keeps for `newest_wish`, `is_same` and `stale`."""
    return {
        "request": digest,
        "text": text,
        "wish": {
            "revision": row.revision,
            "replicas": row.replicas,
            "autoscaling": row.autoscaling,
            "paused_at": row.paused_at.isoformat() if row.paused_at else None,
            "restarted_at": row.restarted_at.isoformat() if row.restarted_at else None,
        },
    }


def newest_wish(row: Deployment) -> Operation | None:
    """The operation of the newest wish."""
    return _wishes(row, row.generation)


def is_same(newest: Operation, digest: str, if_generation: int) -> bool:
    """Whether the newest wish came from an equal request that had seen the same generation."""
    return newest.generation == if_generation + 1 and newest.arguments.get("request") == digest


def newest_create(row: Deployment, digest: str) -> Operation | None:
    """The operation that made a deployment, if an equal request of the same person did it just now."""
    since = timezone.now() - DOUBLE_CREATE
    rows = row.operations.filter(action="create", created_at__gte=since).select_related("deployment")
    return next((operation for operation in rows if operation.arguments.get("request") == digest), None)


def stale(row: Deployment, seen: int) -> StaleGeneration:
    """The refusal of a request that has seen generation `seen`, with what others did since."""
    later = row.operations.filter(generation__gt=seen).exclude(action__in=ONE_SHOT)
    told = [
        f"{operation.created_by}: {operation.arguments.get('text') or operation.action}"
        for operation in later.order_by("-generation")[:_TOLD]
    ]
    meanwhile = f" Meanwhile: {'; '.join(reversed(told))}." if told else ""
    text = f"You saw generation {seen}; the newest is {row.generation}.{meanwhile} Look again, then repeat."
    return StaleGeneration(text, diff=_diff_since(row, seen))


def _diff_since(row: Deployment, seen: int) -> str:
    before = _wish_at(row, seen)
    if before is None:
        return ""
    gpu = row.cluster.gpu_resource
    old, new = (manifests.build(wish, gpu_resource=gpu) for wish in (before, wish_of(row)))
    return manifests.diff(old, new, names=("what you saw", "now"))


def _wish_at(row: Deployment, generation: int) -> Wish | None:
    """The wish of an earlier generation; None when there was no such, or it was not kept."""
    operation = _wishes(row, generation)
    kept = operation.arguments.get("wish") if operation else None
    if kept is None:
        return None
    revision = Revision.objects.filter(deployment=row, number=kept["revision"]).first()
    if revision is None:
        return None
    then = copy.copy(row)
    then.revision, then.spec = revision.number, revision.spec
    then.replicas, then.autoscaling = kept["replicas"], kept["autoscaling"]
    then.paused_at = parse_datetime(kept["paused_at"]) if kept["paused_at"] else None
    then.restarted_at = parse_datetime(kept["restarted_at"]) if kept["restarted_at"] else None
    return wish_of(then)


def _wishes(row: Deployment, generation: int) -> Operation | None:
    rows = row.operations.filter(generation=generation).exclude(action__in=ONE_SHOT)
    return rows.select_related("deployment").order_by("-created_at").first()
