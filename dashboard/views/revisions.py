"""The numbered specs of a deployment: who changed what, the difference of any two, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied, VersionArchived
from deployments.models import Deployment, Revision
from deployments.spec import is_archived, spec_of
from deployments.spec.changes import describe_changes
from k8s.spec import Spec
from teams.roles import Role

MAX_DIGITS = 9
# How a line of a difference begins, and what it is.
KINDS = (("+++", "file"), ("---", "file"), ("@@", "place"), ("+", "added"), ("-", "removed"))


@dataclass(frozen=True)
class Line:
    """A line of a difference; `kind` is "added", "removed", "place", "file" or "" for context."""

    kind: str
    text: str


def lines_of(difference: str) -> list[Line]:
    """A unified difference, line by line."""
    return [
        Line(next((kind for start, kind in KINDS if text.startswith(start)), ""), text)
        for text in difference.splitlines()
    ]


def changes_between(older: Spec, newer: Spec) -> list[str]:
    """In words, one line for each thing that differs."""
    return describe_changes(older, newer).split("; ") if older != newer else []


@page
@require_safe
def revisions(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    rows = list(selectors.revisions_of(deployment))
    chosen = chosen_two(request.GET, rows)
    context: dict[str, object] = {"revisions": rows, "older": None, "newer": None}
    if chosen is not None:
        older, newer = chosen
        context |= {
            "older": older,
            "newer": newer,
            "changes": changes_between(spec_of(older), spec_of(newer)),
            "lines": lines_of(selectors.diff_revisions(older, newer)),
        }
    elif len(rows) > 1:
        # What the two lists of the form begin with: the newest and the one before.
        context |= {"newer_number": rows[0].number, "older_number": rows[1].number}
    return show_tab(request, deployment, "deployment-revisions", "deployments/revisions.html", context)


def chosen_two(data: QueryDict, rows: Sequence[Revision]) -> tuple[Revision, Revision] | None:
    """The revisions that `?from=2&to=3` names; None without both.

    Raises:
        NotFound: a number that this deployment has no revision of.
    """
    typed = [data.get(key, "") for key in ("from", "to")]
    if not all(typed):
        return None
    known = {row.number: row for row in rows}
    found = [known.get(int(text)) if is_number(text) else None for text in typed]
    if found[0] is None or found[1] is None:
        missing = next(text for text, row in zip(typed, found, strict=True) if row is None)
        raise NotFound(f"There is no revision {missing[:20]}. The list of revisions shows those there are.")
    return found[0], found[1]


def is_number(text: str) -> bool:
    """Digits only, and not so many that they are no number of ours."""
    return text.isdecimal() and len(text) <= MAX_DIGITS


@page
@require_http_methods(["GET", "HEAD", "POST"])
def roll_back(request: PageRequest, team: str, name: str, number: int) -> HttpResponse:
    """What going back to a revision changes, and going back."""
    deployment = selectors.get_deployment(request.user, team, name)
    if request.method != "POST":
        revision = selectors.get_revision(deployment, number)
        return confirm(request, deployment, revision)
    seen = request.POST.get("generation", "")
    try:
        intent.rollback(
            deployment,
            number,
            by=request.user,
            confirm_archived=request.POST.get("confirm_archived") == "1",
            if_generation=int(seen) if is_number(seen) else None,
        )
    except (NotFound, PermissionDenied):
        raise
    except DomainError as error:
        deployment.refresh_from_db()
        return confirm(request, deployment, selectors.get_revision(deployment, number), error=error)
    messages.success(request, f"Rolling back to revision {number}. Pods are replaced one by one.")
    return redirect("deployment", deployment.team.name, deployment.name)


def confirm(
    request: PageRequest, deployment: Deployment, revision: Revision, *, error: DomainError | None = None
) -> HttpResponse:
    """The page that names what changes; `error` when it was refused, which a look at the page may answer."""
    selectors.require_role(request.user, deployment.team, Role.DEPLOYER)
    newest = selectors.get_revision(deployment, deployment.revision)
    wanted, restored = spec_of(deployment), spec_of(revision)
    version = revision.version
    gone = version is None or version.deleted_at is not None or is_archived(version)
    archived = isinstance(error, VersionArchived) or gone
    context = {
        "revision": revision,
        "changes": changes_between(wanted, restored),
        "lines": lines_of(selectors.diff_revisions(newest, revision)),
        "next_number": deployment.revision + 1,
        "archived": archived,
        "error": "" if error is None or isinstance(error, VersionArchived) else error.detail,
    }
    status = 200 if error is None else error.status
    return show_tab(
        request, deployment, "deployment-revisions", "deployments/roll_back.html", context, status=status
    )
