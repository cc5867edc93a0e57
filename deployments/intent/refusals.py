"""What is refused is written to the audit, which nobody can shorten: so much of it a minute, and no more."""

from django.conf import settings
from django.contrib.auth.models import User

from deployments import limits
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.selectors import Person
from teams import audit
from teams.access import teams_of
from teams.models import Team

FURTHER = "further refusals"
_REFUSALS = (PermissionDenied.status, NotFound.status)


def write_refusal(refusal: DomainError, by: User, action: str, target: str, *, team: str = "") -> None:
    """Notes a refusal in the audit, once: outside, whatever is refused without a note gets a plainer one.

    Of one person so many a minute are noted. Then one entry says that there were more, and these are
    answered 429.
    """
    refusal.in_audit = True
    standing = limits.count(limits.Limit("refusals", settings.REFUSALS_PER_MINUTE), str(by.pk))
    if standing is None or not standing.exceeded:
        audit.refuse(by.username, action, target, team=team, why=refusal.detail)
        return
    refusal.answered_by = standing.refusal
    if standing.just_exceeded:
        most, seconds = standing.limit.most, standing.limit.seconds
        audit.refuse(by.username, FURTHER, "", why=f"More than {most} in {seconds} s; these are not listed.")


def note_refusal(
    by: Person,
    action: str,
    target: str,
    error: DomainError,
    *,
    writes: bool,
    team: str,
    limit: Team | None = None,
) -> DomainError:
    """Notes a refusal that no rule of an action has noted: what a role, a scope or a page refused.

    Also when somebody writes to what belongs to a team that is not theirs, or not of their token,
    which `limit` says. That is noted alike, and takes as long, whether the team exists or not.

    Returns what to answer: `error`, or that there were too many.
    """
    if not error.in_audit and isinstance(by, User) and error.status in _REFUSALS:
        teams = teams_of(by) if limit is None else teams_of(by).filter(pk=limit.pk)
        mine = bool(team) and teams.filter(name=team).exists()
        if error.status == PermissionDenied.status or (writes and team and not mine):
            write_refusal(error, by, action, target, team=team if mine else "")
    return error.answered_by or error
