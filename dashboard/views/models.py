"""The catalogue: models, their versions, and where each is deployed."""

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.forms.catalogue import ModelForm
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest, page
from dashboard.views.new_deployment import chosen_team, teams_to_deploy_in
from deployments import intent, selectors
from deployments.errors import PermissionDenied
from deployments.models import Deployment, Model, ModelVersion
from teams.access import teams_with_role
from teams.models import Team
from teams.roles import Role

MODELS_PER_PAGE = 48
VERSIONS_PER_PAGE = 20
VERSIONS_ON_A_CARD = 5


def may_change(request: PageRequest, team: Team) -> bool:
    role = selectors.role_of(request.user, team)
    return role is not None and role.covers(Role.DEPLOYER)


@page
@require_safe
def models(request: PageRequest) -> HttpResponse:
    """`?q=` searches, `?show=archived` lists what is put away, `?team=` narrows."""
    archived = request.GET.get("show") == "archived"
    q, team = request.GET.get("q", "").strip()[:100], request.GET.get("team", "")[:60]
    rows = selectors.models_visible_to(request.user).filter(archived_at__isnull=not archived)
    rows = rows.order_by("name", "team__name")
    if q:
        rows = rows.filter(
            Q(name__icontains=q)
            | Q(task__icontains=q)
            | Q(description__icontains=q)
            | Q(pk__in=ModelVersion.objects.filter(deleted_at=None, image__icontains=q).values("model"))
        )
    if team:
        rows = rows.filter(team__name=team)
    shown = Paginator(rows, MODELS_PER_PAGE).get_page(request.GET.get("page"))
    mine = set(teams_with_role(request.user, Role.DEPLOYER).values_list("pk", flat=True))
    context = {
        "shown": shown,
        "cards": [card(model, may_deploy=model.team_id in mine) for model in shown],
        "teams": list(selectors.teams_of(request.user)),
        "q": q,
        "team": team,
        "archived": archived,
        "narrowed": bool(q or team),
        "may_add": bool(mine),
    }
    return render(request, "models/list.html", context)


def card(model: Model, *, may_deploy: bool) -> dict[str, object]:
    """A model as the list shows it: versions on offer, newest first, and which one Deploy means."""
    offered = [version for version in model.versions.all() if version.archived_at is None]
    newest = offered[0] if offered and may_deploy and model.archived_at is None else None
    return {
        "model": model,
        "versions": offered[:VERSIONS_ON_A_CARD],
        "more": len(offered[VERSIONS_ON_A_CARD:]),
        "newest": newest,
    }


@page
@require_safe
def model(request: PageRequest, team: str, name: str) -> HttpResponse:
    return show_model(request, selectors.get_model(request.user, team, name))


def show_model(request: PageRequest, found: Model, *, error: str = "", status: int = 200) -> HttpResponse:
    rows = versions_with_deployments(request, found)
    shown: Page[ModelVersion] = Paginator(rows.filter(archived_at=None), VERSIONS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "model": found,
        "shown": shown,
        "archived": list(rows.exclude(archived_at=None)[:VERSIONS_PER_PAGE]),
        "may_change": may_change(request, found.team),
        "error": error,
    }
    return render(request, "models/detail.html", context, status=status)


def versions_with_deployments(request: PageRequest, found: Model) -> QuerySet[ModelVersion]:
    """Newest first, each with the live deployments that serve it now."""
    live = selectors.deployments_visible_to(request.user).order_by("name")
    rows = selectors.versions_visible_to(request.user).filter(model=found)
    return rows.prefetch_related(Prefetch("deployments", live)).order_by("-created_at", "-id")


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    teams = teams_to_deploy_in(request)
    team = chosen_team(request, teams)
    form = ModelForm.typed(request.POST)
    status = None
    if request.method == "POST":
        status = refused_form(form, lambda: intent.register_model(team, form.payload(), by=request.user))
        if status is None:
            name = form.values["name"]
            messages.success(request, f"{name} is in the catalogue. Add its first version.")
            return redirect("model-version-new", team.name, name)
    context = {"form": form, "team": team, "teams": teams}
    return render(request, "models/new.html", context, status=status)


def model_to_change(request: PageRequest, team: str, name: str) -> Model:
    """Raises: NotFound, PermissionDenied."""
    found = selectors.get_model(request.user, team, name)
    if not may_change(request, found.team):
        raise PermissionDenied(f"Changing the catalogue of {found.team} needs the role deployer.")
    return found


@page
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, team: str, name: str) -> HttpResponse:
    found = model_to_change(request, team, name)
    if request.method != "POST":
        return show_edit(request, found, ModelForm.of(found))
    form = ModelForm.typed(request.POST)
    status = refused_form(
        form, lambda: intent.change_model(found, form.payload(changing=True), by=request.user)
    )
    if status is not None:
        return show_edit(request, found, form, status=status)
    messages.success(request, f"{found.name} is saved.")
    return redirect("model", team, name)


def show_edit(
    request: PageRequest, found: Model, form: ModelForm, *, status: int = 200, error: str = ""
) -> HttpResponse:
    serving = Deployment.objects.filter(version__model=found, deleted_at=None).select_related("team")
    context = {"form": form, "model": found, "serving": serving.order_by("name"), "error": error}
    return render(request, "models/edit.html", context, status=status)


@page
@require_POST
def archive(request: PageRequest, team: str, name: str) -> HttpResponse:
    """Put away, or (with `archived=false`) offered again."""
    found = selectors.get_model(request.user, team, name)
    away = request.POST.get("archived", "true") == "true"
    error = refused(lambda: intent.change_model(found, {"archived": away}, by=request.user))
    if error is not None:
        return show_model(request, found, error=error.detail, status=error.status)
    words = "is archived: not offered any more, and what runs goes on." if away else "is offered again."
    messages.success(request, f"{name} {words}")
    return redirect("model", team, name)


@page
@require_POST
def delete(request: PageRequest, team: str, name: str) -> HttpResponse:
    """Delete, once its name has been typed."""
    found = model_to_change(request, team, name)
    if request.POST.get("confirm", "").strip() != found.name:
        words = f"Nothing was deleted: to delete it, type its name, {found.name}, exactly."
        return show_edit(request, found, ModelForm.of(found), status=422, error=words)
    error = refused(lambda: intent.delete_model(found, by=request.user))
    if error is not None:
        return show_edit(request, found, ModelForm.of(found), status=error.status, error=error.detail)
    messages.success(request, f"{name} and its versions are deleted from the catalogue.")
    return redirect("models")
