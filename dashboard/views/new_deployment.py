"""The form that makes a deployment."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.forms.deployment import DeploymentForm, preset_cards
from dashboard.views.frame import PageRequest, page
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.models import Cluster
from teams.models import Team
from teams.roles import Role


def teams_to_deploy_in(request: PageRequest) -> list[Team]:
    """Teams in which this person's role lets them deploy.

    Raises:
        PermissionDenied: there is none.
    """
    found = []
    for team in selectors.teams_of(request.user):
        role = selectors.role_of(request.user, team)
        if role is not None and role.covers(Role.DEPLOYER):
            found.append(team)
    if not found:
        raise PermissionDenied(
            "You can look at your teams' deployments. To make one, ask a lead for the role deployer."
        )
    return found


def chosen_team(request: PageRequest, teams: list[Team]) -> Team:
    """The team asked for, else the first.

    Raises:
        NotFound: a team this person may not know of or deploy in.
    """
    asked = request.POST.get("team") or request.GET.get("team")
    if not asked:
        return teams[0]
    for team in teams:
        if team.name == asked:
            return team
    if any(team.name == asked for team in selectors.teams_of(request.user)):
        raise PermissionDenied(f"Your role in {asked} does not include deploying.")
    raise NotFound(f"There is no team {asked}.")


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    teams = teams_to_deploy_in(request)
    team = chosen_team(request, teams)
    if request.method != "POST":
        return show(request, started_form(request, team), team, teams)
    form = DeploymentForm.typed(request.POST)
    if not form.values.get("name"):
        form.values["name"] = suggestion(form, team)
    try:
        operation = intent.create_deployment(team, form.payload(), by=request.user)
    except (NotFound, PermissionDenied) as error:
        if not error.errors:
            raise
        form.refuse(error)
        return show(request, form, team, teams, status=error.status)
    except DomainError as error:
        form.refuse(error)
        return show(request, form, team, teams, status=error.status)
    return redirect("deployment", team.name, operation.deployment.name)


def started_form(request: PageRequest, team: Team) -> DeploymentForm:
    """Empty, or filled in from `?model=house&version=2.0`."""
    model, version = request.GET.get("model", ""), request.GET.get("version", "")
    if not model:
        return DeploymentForm.blank()
    chosen = selectors.get_version(request.user, team.name, model, version)
    return DeploymentForm.blank(version=chosen, name=intent.suggest_name(model, team))


def clusters_for(request: PageRequest) -> list[Cluster]:
    """Clusters to choose from; those that answer come first, and the first is preselected."""
    return sorted(
        selectors.clusters_visible_to(request.user), key=lambda one: bool(selectors.stale_since(one))
    )


def suggestion(form: DeploymentForm, team: Team) -> str:
    """A free name for what is being deployed; "" when nothing was chosen yet."""
    origin = form.origin()
    basis = str(origin.get("image") or origin.get("model") or "")
    return intent.suggest_name(basis, team) if basis else ""


def show(
    request: PageRequest, form: DeploymentForm, team: Team, teams: list[Team], *, status: int = 200
) -> HttpResponse:
    versions = (
        selectors.versions_visible_to(request.user).filter(model__team=team).order_by("model__name", "-id")
    )
    context = {
        "form": form,
        "team": team,
        "teams": teams,
        "versions": versions,
        "clusters": clusters_for(request),
        "presets": preset_cards(),
    }
    return render(request, "deployments/new.html", context, status=status)


@page
@require_safe
def suggested_name(request: PageRequest) -> HttpResponse:
    """The name field again, with a suggestion, unless a name of one's own was typed."""
    team = chosen_team(request, teams_to_deploy_in(request))
    form = DeploymentForm.typed(request.GET)
    typed = form.values.get("name", "")
    if not typed or typed == request.GET.get("suggested", ""):
        form.values["name"] = suggestion(form, team)
        suggested = form.values["name"]
    else:
        suggested = ""
    return render(request, "deployments/new.html#name", {"form": form, "suggested": suggested})
