"""The judgement shown to people: one function for pages and API."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from django.conf import settings
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Cast
from django.utils import timezone, translation

from deployments.models import Cluster, ClusterState, Deployment, State
from deployments.selectors.rows import DeploymentRow

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Shown(TypedDict):
        shown_state: str

    ShownDeployment = WithAnnotations[Deployment, _Shown]
else:
    ShownDeployment = Deployment


def stale_since(cluster: Cluster, now: datetime | None = None) -> datetime | None:
    """Since when we have had no word from a cluster; None while we have.

    A cluster that was never seen is stale since it was added.
    """
    now = now or timezone.now()
    seen = cluster.seen_at or cluster.created_at
    if cluster.state == ClusterState.UNREACHABLE:
        return cluster.unreachable_since or seen
    if now - seen > timedelta(seconds=settings.STALE_AFTER_SECONDS):
        return seen
    return None


def is_stale(deployment: Deployment, now: datetime | None = None) -> bool:
    """Whether what we show of a deployment may be out of date. History is never stale."""
    return deployment.deleted_at is None and stale_since(deployment.cluster, now) is not None


def with_shown_state(rows: QuerySet[Deployment]) -> "QuerySet[ShownDeployment]":
    """Annotates `shown_state`: the word `present_status` gives, to filter and sort by in the database."""
    oldest = timezone.now() - timedelta(seconds=settings.STALE_AFTER_SECONDS)
    silent = Q(cluster__state=ClusterState.UNREACHABLE) | Q(cluster__seen_at__lt=oldest)
    never_seen = Q(cluster__seen_at=None, cluster__created_at__lt=oldest)
    unknown = Q(deleted_at=None, applied_generation__gt=0) & (silent | never_seen)
    return rows.annotate(
        shown_state=Case(
            When(unknown, then=Value(State.UNKNOWN.value)),
            default=Cast(F("state"), CharField()),
            output_field=CharField(),
        )
    )


def judge(
    deployment: Deployment | DeploymentRow, now: datetime | None = None
) -> tuple[str, str, datetime | None]:
    """The status word, the message, and since when nothing was seen of it; None while something is.

    A cluster that cannot be reached makes it `unknown`, whatever was seen last:
    only a deployment that never got there keeps its own word.
    """
    since = stale_since(deployment.cluster, now) if deployment.deleted_at is None else None
    state, message = str(deployment.state), deployment.message
    if since is not None and deployment.applied_generation > 0:
        seen = f"{since:%Y-%m-%d %H:%M:%S} UTC"
        message = f"Cluster {deployment.cluster.name} is not reachable; last seen {seen}: {state}"
        state = State.UNKNOWN.value
    elif since is not None:
        message = f"Waiting for cluster {deployment.cluster.name}, which is not reachable"
    return state, message, since


def present_status(deployment: Deployment, now: datetime | None = None) -> dict[str, Any]:
    """The REST contract's `status` object; times are aware datetimes."""
    state, message, since = judge(deployment, now)
    return {
        "state": state,
        "since": since if since is not None and state == State.UNKNOWN else deployment.state_since,
        "message": message,
        "ready_replicas": deployment.ready_replicas,
        "wanted_replicas": deployment.wanted_replicas,
        "observed_at": deployment.observed_at,
        "stale": since is not None,
        "diagnosis": shown_diagnosis(deployment),
    }


def shown_diagnosis(deployment: Deployment | DeploymentRow) -> dict[str, Any] | None:
    """The REST contract's `diagnosis`, in the language that is active; None when there is none.

    {"code", "cause", "advice", "pod", "evidence": [{"kind", "source", "text", "at"}],
    "fix": {"label", "action", "changes", "revision"} | None}.
    """
    stored: dict[str, Any] | None = deployment.diagnosis
    # It tells of the wish it was found for: of a newer one nothing is known yet.
    if stored is None or stored.get("generation", deployment.generation) < deployment.generation:
        return None
    language = "pt" if (translation.get_language() or "").startswith("pt") else "en"
    fix = stored.get("fix")
    return {
        "code": stored["code"],
        "cause": stored["cause"][language],
        "advice": stored["advice"][language],
        "pod": stored["pod"],
        "evidence": stored["evidence"],
        "fix": {**fix, "label": fix["label"][language]} if fix else None,
    }
