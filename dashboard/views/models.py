"""The catalogue: models, their versions, and where each is deployed."""

from django.contrib import messages
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.forms.catalogue import MODEL_FIELDS, VERSION_FIELDS, CatalogueForm
from dashboard.views.frame import PageRequest, page
from dashboard.views.new_deployment import chosen_team, teams_to_deploy_in
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.models import Deployment, Model
from teams.models import Team
from teams.roles import Role


def may_change(request: PageRequest, team: Team) -> bool:
    role = selectors.role_of(request.user, team)
    return role is not None and role.covers(Role.DEPLOYER)


@page
@require_safe
def models(request: PageRequest) -> HttpResponse:
    rows = selectors.models_visible_to(request.user).order_by("name", "team__name")
    q = request.GET.get("q", "").strip()[:100]
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(task__icontains=q) | Q(description__icontains=q))
    may_add = any(may_change(request, team) for team in selectors.teams_of(request.user))
    return render(request, "models/list.html", {"models": rows, "q": q, "may_add": may_add})


@page
@require_safe
def model(request: PageRequest, team: str, name: str) -> HttpResponse:
    return show_model(request, selectors.get_model(request.user, team, name))


def show_model(request: PageRequest, found: Model) -> HttpResponse:
    live = Deployment.objects.filter(deleted_at=None).select_related("team").order_by("name")
    versions = (
        selectors.versions_visible_to(request.user)
        .filter(model=found)
        .prefetch_related(Prefetch("deployments", live))
        .order_by("-created_at", "-id")
    )
    context = {"model": found, "versions": versions, "may_change": may_change(request, found.team)}
    return render(request, "models/detail.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    teams = teams_to_deploy_in(request)
    team = chosen_team(request, teams)
    form = CatalogueForm.typed(request.POST, MODEL_FIELDS)
    status = 200
    if request.method == "POST":
        try:
            made = intent.register_model(team, form.payload(), by=request.user)
        except (NotFound, PermissionDenied):
            raise
        except DomainError as error:
            form.refuse(error)
            status = error.status
        else:
            messages.success(request, f"{made.name} is in the catalogue. Add its first version.")
            return redirect("model-version-new", team.name, made.name)
    context = {"form": form, "team": team, "teams": teams}
    return render(request, "models/new.html", context, status=status)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new_version(request: PageRequest, team: str, name: str) -> HttpResponse:
    found = selectors.get_model(request.user, team, name)
    if not may_change(request, found.team):
        raise PermissionDenied("Adding a version needs the role deployer.")
    form = CatalogueForm.typed(request.POST, (*VERSION_FIELDS, "sample.path", "sample.body"))
    if request.method != "POST":
        form.values |= {"health_path": "/healthz", "port": "8080"}
        return render(request, "models/new_version.html", {"form": form, "model": found})
    payload = form.payload()
    status = 422
    if not form.errors:
        try:
            version = intent.add_version(found, payload, by=request.user)
        except (NotFound, PermissionDenied):
            raise
        except DomainError as error:
            form.refuse(error)
            status = error.status
        else:
            messages.success(request, f"{found.name} {version.version} can be deployed.")
            return redirect("model", found.team.name, found.name)
    return render(request, "models/new_version.html", {"form": form, "model": found}, status=status)
