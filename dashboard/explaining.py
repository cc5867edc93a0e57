"""A diagnosis as a page shows it: evidence that is safe to look at, and what its fix would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from dashboard.inert import made_inert
from deployments import intent, selectors
from deployments.errors import DomainError
from deployments.models import Deployment
from deployments.spec import spec_of
from deployments.spec.changes import describe_changes


@dataclass(frozen=True)
class ShownFix:
    """What a press does. `changes` are in words; `revision` is the one it goes back to, if it does."""

    label: str
    action: str
    changes: Sequence[str]
    revision: int | None


@dataclass(frozen=True)
class ShownDiagnosis:
    """`lines` are the last ones of the log of `pod`, as one text; `evidence` is everything else."""

    code: str
    cause: str
    advice: str
    pod: str
    lines: str
    evidence: Sequence[Mapping[str, Any]]
    fix: ShownFix | None


def explain(deployment: Deployment, *, to: User | None) -> ShownDiagnosis | None:
    """The diagnosis, with its fix if `to` may press it; None when there is none, or it is history."""
    found = selectors.shown_diagnosis(deployment)
    if found is None or deployment.deleted_at is not None or deployment.delete_requested_at is not None:
        return None
    evidence = [{**one, "text": made_inert(one["text"])} for one in found["evidence"]]
    return ShownDiagnosis(
        code=found["code"],
        cause=made_inert(found["cause"]),
        advice=found["advice"],
        pod=found["pod"],
        lines="\n".join(one["text"] for one in evidence if one["kind"] == "log"),
        evidence=[one for one in evidence if one["kind"] != "log"],
        fix=_fix(deployment, found["fix"], to) if found["fix"] and to else None,
    )


def _fix(deployment: Deployment, offered: Mapping[str, Any], by: User) -> ShownFix:
    return ShownFix(
        label=offered["label"],
        action=offered["action"],
        changes=changes_of(deployment, offered, by),
        revision=offered["revision"],
    )


def changes_of(deployment: Deployment, offered: Mapping[str, Any], by: User) -> list[str]:
    """In words, a line for each thing that changes; none when it cannot be said before it is tried."""
    now = spec_of(deployment)
    try:
        if offered["action"] == "roll_back":
            then = spec_of(selectors.get_revision(deployment, offered["revision"]))
        else:
            then = spec_of(intent.draft_change(deployment, offered["changes"], by=by).row)
    except DomainError:
        return []
    return describe_changes(now, then).split("; ") if then != now else []
