"""The people and programs of a team's page: members, service accounts and their tokens."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.forms.people import MemberForm, ServiceAccountForm, TokenForm
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest, page
from dashboard.views.team import show
from deployments import intent, selectors
from teams.models import ApiToken


@page
@require_POST
def add_member(request: PageRequest, team: str) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    form = MemberForm.typed(request.POST)
    status = refused_form(form, lambda: intent.add_member(found, dict(form.values), by=request.user))
    if status is not None:
        return show(request, found, people={"adding": form}, status=status)
    messages.success(
        request, f"{form.values['username']} is in the team, or will be with their first sign-in."
    )
    return redirect("team", team)


@page
@require_POST
def change_member(request: PageRequest, team: str) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    form = MemberForm.typed(request.POST)
    username, role = form.values["username"], form.values["role"]
    error = refused(lambda: intent.change_member(found, username, {"role": role}, by=request.user))
    if error is not None:
        return show(request, found, error=error.detail, status=error.status)
    messages.success(request, f"{username} is {role} now.")
    return redirect("team", team)


@page
@require_POST
def remove_member(request: PageRequest, team: str) -> HttpResponse:
    """Takes somebody out, or oneself: then the list of teams is where one still may be."""
    found = selectors.get_team(request.user, team)
    username = request.POST.get("username", "")
    error = refused(lambda: intent.remove_member(found, username, by=request.user))
    if error is not None:
        return show(request, found, error=error.detail, status=error.status)
    messages.success(request, f"{username} is not in {found} any more.")
    stays = request.user.is_superuser or username != request.user.username
    return redirect("team", team) if stays else redirect("teams")


@page
@require_POST
def add_account(request: PageRequest, team: str) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    form = ServiceAccountForm.typed(request.POST)
    status = refused_form(
        form, lambda: intent.create_service_account(found, dict(form.values), by=request.user)
    )
    if status is not None:
        return show(request, found, people={"account_form": form}, status=status)
    messages.success(request, f"Service account {form.values['name']} is made. Give it a token.")
    return redirect("team", team)


@page
@require_POST
def change_account(request: PageRequest, team: str, account: str) -> HttpResponse:
    """Another role."""
    found = selectors.get_service_account(request.user, team, account)
    role = request.POST.get("role", "")
    error = refused(lambda: intent.change_service_account(found, {"role": role}, by=request.user))
    if error is not None:
        return show(request, found.team, error=error.detail, status=error.status)
    messages.success(request, f"{account} is {role} now.")
    return redirect("team", team)


@page
@require_POST
def end_account(request: PageRequest, team: str, account: str) -> HttpResponse:
    found = selectors.get_service_account(request.user, team, account)
    intent.end_service_account(found, by=request.user)
    messages.success(request, f"Service account {account} has ended, and its tokens with it.")
    return redirect("team", team)


@page
@require_POST
def make_token(request: PageRequest, team: str) -> HttpResponse:
    """A service account's token, shown in this one answer: nothing keeps it for a moment longer."""
    found = selectors.get_team(request.user, team)
    form = TokenForm.typed(request.POST, "service_account")
    made: list[tuple[str, ApiToken]] = []
    status = refused_form(
        form, lambda: made.append(intent.create_account_token(found, form.payload(), by=request.user))
    )
    if status is not None:
        return show(request, found, people={"token_form": form}, status=status)
    response = show(request, found, people={"made": made[0][0]}, status=201)
    response["Cache-Control"] = "no-store"
    return response


@page
@require_POST
def revoke_token(request: PageRequest, team: str, token: UUID) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    row = selectors.pick_token(selectors.account_tokens_of(found), token)
    intent.revoke_token(row, by=request.user)
    messages.success(request, f"Token {row.name} is revoked.")
    return redirect("team", team)
