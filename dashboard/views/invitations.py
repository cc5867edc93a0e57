"""Invitations: made and revoked on a team's page, followed by whoever has the link."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.people import InvitationForm, JoiningForm
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest, page, refusal
from dashboard.views.sign_in import flooded, too_many
from dashboard.views.team import show
from deployments import intent, selectors
from deployments.errors import NotFound
from teams.models import Invitation


@page
@require_POST
def invite(request: PageRequest, team: str) -> HttpResponse:
    """The link is shown in this one answer: nothing keeps it for a moment longer."""
    found = selectors.get_team(request.user, team)
    form = InvitationForm.typed(request.POST)
    made: list[tuple[str, Invitation]] = []
    status = refused_form(form, lambda: made.append(intent.invite(found, form.payload(), by=request.user)))
    if status is not None:
        return show(request, found, people={"inviting": form}, status=status)
    link = request.build_absolute_uri(reverse("invitation", args=[made[0][0]]))
    response = show(request, found, people={"invited": {"link": link, "row": made[0][1]}}, status=201)
    response["Cache-Control"] = "no-store"
    return response


@page
@require_POST
def revoke(request: PageRequest, team: str, invitation: UUID) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    row = intent.revoke_invitation(found, invitation, by=request.user)
    messages.success(request, f"The link for {row.invitee} does not work any more.")
    return redirect("team", team)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: HttpRequest, secret: str) -> HttpResponse:
    """What the link leads to. Looking changes nothing: programs that preview links must not use them up."""
    wait_seconds = flooded(request) if request.method == "POST" else 0
    if wait_seconds:
        return too_many(request, wait_seconds)
    try:
        found = intent.open_invitation(secret)
        if request.method != "POST":
            return _shown(request, found)
        return (
            _join(request, found, secret) if request.user.is_authenticated else _begin(request, found, secret)
        )
    except NotFound as error:
        return refusal(request, error)


def _join(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    """For whoever has an account, and is signed in."""
    user = request.user
    assert user.is_authenticated  # noqa: S101 - the caller has looked
    error = refused(lambda: intent.join(secret, by=user))
    if error is not None:
        return _shown(request, found, error=error.detail, status=error.status)
    messages.success(request, f"You are in {found.team} now, as {found.role}.")
    return redirect("team", found.team.name)


def _begin(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    """A new account. They sign in with it themselves, so that one way in is enough to look after."""
    form = JoiningForm.typed(request.POST)
    status = refused_form(form, lambda: intent.join_as_new(secret, form.payload()))
    if status is not None:
        return _shown(request, found, form=form, status=status)
    messages.success(request, f"Your account {form.values['username']} is made. Sign in with it.")
    return redirect("sign-in")


def _shown(
    request: HttpRequest,
    found: Invitation,
    *,
    form: JoiningForm | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"invitation": found, "form": form or JoiningForm.blank(), "error": error}
    return render(request, "sign_in/invitation.html", context, status=status)
