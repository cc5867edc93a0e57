"""A team: who is in it, its clock, its quotas, its logins to registries."""

from collections.abc import Mapping
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.forms.people import (
    ACCOUNT_ROLES,
    DAYS,
    INVITED_FOR,
    ROLES,
    InvitationForm,
    MemberForm,
    ServiceAccountForm,
    TokenForm,
    scope_choices,
)
from dashboard.forms.team import QuotaForm, RegistryForm, TeamForm, TimeZoneForm
from dashboard.forms.typed import refused, refused_form
from dashboard.quotas import quotas_for
from dashboard.views.frame import PageRequest, page
from deployments import intent, selectors
from deployments.selectors.usage.quotas import namespace_for_quota
from deployments.spec.schedules import zone_of
from teams.models import Membership, Team
from teams.roles import Role
from teams.tokens import scopes_of


@page
@require_safe
def teams(request: PageRequest) -> HttpResponse:
    """My teams; the team's own page when there is one only, and no other to be made."""
    found = list(selectors.teams_of(request.user))
    if len(found) == 1 and not request.user.is_superuser:
        return redirect("team", found[0].name)
    roles = dict(Membership.objects.filter(user=request.user).values_list("team", "role"))
    places = [{"team": team, "role": roles.get(team.pk, "admin")} for team in found]
    return render(
        request, "teams/list.html", {"places": places, "archived": selectors.archived_teams(request.user)}
    )


@page
@require_safe
def team(request: PageRequest, team: str) -> HttpResponse:
    return show(request, selectors.get_team(request.user, team))


def show(
    request: PageRequest,
    found: Team,
    *,
    clock: TimeZoneForm | None = None,
    login: RegistryForm | None = None,
    quota: tuple[str, QuotaForm] | None = None,
    people: Mapping[str, object] | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page; a form that was refused comes with what was typed, a quota's with its cluster's name.

    `people` are forms of members, service accounts and tokens that were refused, or a new token.
    """
    role = selectors.role_of(request.user, found)
    leads = role is not None and role.covers(Role.LEAD)
    namespaces = list(found.namespaces.select_related("cluster").order_by("cluster__name"))
    refused_quotas = dict([quota] if quota else [])
    context = {
        "team": found,
        "role": role,
        "leads": leads,
        "namespaces": namespaces,
        "quotas": [
            {"shown": one, "form": refused_quotas.get(one.cluster.name) or QuotaForm.of(one.row)}
            for one in quotas_for(found, [space.cluster for space in namespaces])
        ],
        "registries": selectors.registries_of(found),
        "webhooks": [
            {"row": row, "address": selectors.shown_address(row, whole=leads)}
            for row in selectors.webhooks_of(found)
        ],
        "clock": clock or TimeZoneForm(values={"time_zone": found.time_zone}),
        "login": login or RegistryForm.blank(),
        "there": timezone.now().astimezone(zone_of(found.time_zone)).strftime("%H:%M"),
        "zones": sorted(available_timezones()) if leads else (),
        "naming": TeamForm(values={"title": found.title}),
        "error": error,
        **people_of(found),
        **(people or {}),
    }
    return render(request, "teams/team.html", context, status=status)


def people_of(team: Team) -> dict[str, object]:
    """Who is in the team, its programs with their tokens, and the forms to change that."""
    accounts = list(selectors.service_accounts_of(team))
    return {
        "members": selectors.members_of(team),
        "accounts": accounts,
        "tokens": selectors.account_tokens_of(team),
        "invitations": selectors.open_invitations_of(team),
        "inviting": InvitationForm.blank(),
        "invited_for": INVITED_FOR,
        "adding": MemberForm.blank(),
        "account_form": ServiceAccountForm.blank(),
        "token_form": TokenForm.blank(service_account=""),
        "roles": ROLES,
        "account_roles": ACCOUNT_ROLES,
        "account_choices": [(one.name, one.name) for one in accounts],
        "scopes": scope_choices(scopes_of(Role.DEPLOYER)),
        "days": DAYS,
    }


@page
@require_POST
def time_zone(request: PageRequest, team: str) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    form = TimeZoneForm.typed(request.POST)
    status = refused_form(form, lambda: intent.set_time_zone(found, dict(form.values), by=request.user))
    if status is not None:
        return show(request, found, clock=form, status=status)
    messages.success(request, f"Schedules of {found} go by {form.values['time_zone']} now.")
    return redirect("team", team)


@page
@require_POST
def set_quota(request: PageRequest, team: str) -> HttpResponse:
    """Limits in one cluster, and ceilings from admins."""
    found = selectors.get_team(request.user, team)
    space = namespace_for_quota(found, request.POST.get("cluster", ""))
    form = QuotaForm.typed(request.POST, with_ceilings=request.user.is_superuser)
    status = refused_form(
        form, lambda: intent.set_quota(found, space.cluster, form.payload(), by=request.user)
    )
    if status is not None:
        return show(request, found, quota=(space.cluster.name, form), status=status)
    messages.success(request, f"The quota of {found} in {space.cluster.name} is stored.")
    return redirect("team", team)


@page
@require_POST
def set_registry(request: PageRequest, team: str) -> HttpResponse:
    """A login, new or in place of the one there is for its registry."""
    found = selectors.get_team(request.user, team)
    form = RegistryForm.typed(request.POST)
    status = refused_form(form, lambda: intent.set_registry(found, form.payload(), by=request.user))
    if status is not None:
        return show(request, found, login=form, status=status)
    messages.success(request, f"The login for {form.values['registry']} is stored.")
    return redirect("team", team)


@page
@require_POST
def remove_registry(request: PageRequest, team: str) -> HttpResponse:
    found = selectors.get_team(request.user, team)
    registry = request.POST.get("registry", "")
    login = selectors.get_registry(request.user, team, registry)
    error = refused(lambda: intent.remove_registry(login, by=request.user))
    if error is not None:
        return show(request, found, error=error.detail, status=error.status)
    messages.success(request, f"The login for {registry} is removed.")
    return redirect("team", team)
