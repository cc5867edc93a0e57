"""The form that makes a deployment: empty, of a version, or filled in from another deployment."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.choices import options_of, section_states
from dashboard.forms.deployment import DeploymentForm
from dashboard.forms.environment import with_schema
from dashboard.forms.preview import Preview, preview_new
from dashboard.quotas import rooms_for
from dashboard.views.frame import PageRequest, page
from deployments import intent, selectors
from deployments.errors import DomainError, DuplicateName, NotFound, PermissionDenied
from deployments.models import Cluster, Deployment, ModelVersion, Operation
from deployments.preflight import preflight
from deployments.spec import spec_of
from k8s.spec import Resources
from teams.models import Team
from teams.roles import Role

DOUBLE_CLICK = timedelta(seconds=60)


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
    if request.method != "POST":
        return show_started(request, teams)
    team = chosen_team(request, teams)
    form = typed_form(request, team)
    if request.POST.get("then") == "check":
        return show_checked(request, form, team, teams)
    if form.refuse_lost_secrets():
        return show(request, form, team, teams, status=422)
    try:
        operation = create_once(request, form, team)
    except DomainError as error:
        if error.status in {403, 404} and not error.errors:
            raise
        form.refuse(error)
        return show(request, form, team, teams, status=error.status)
    return redirect("deployment", team.name, operation.deployment.name)


def show_started(request: PageRequest, teams: list[Team]) -> HttpResponse:
    """Empty, of a version (`?model=house&version=2.0`), or a copy (`?clone=pricing/house`)."""
    sizes = selectors.size_presets()
    if clone := request.GET.get("clone", ""):
        return show_clone(request, clone, teams)
    team = chosen_team(request, teams)
    form = DeploymentForm.blank(sizes)
    if model := request.GET.get("model", ""):
        chosen = selectors.get_version(request.user, team.name, model, request.GET.get("version", ""))
        form = DeploymentForm.of_version(chosen, intent.suggest_name(model, team), sizes)
        form.env = with_schema([], chosen.env_schema)
    return show(request, form, team, teams)


def show_clone(request: PageRequest, clone: str, teams: list[Team]) -> HttpResponse:
    """The form of another deployment, under a free name; in a team of one's own if need be."""
    owner, _, name = clone.partition("/")
    original = selectors.get_deployment(request.user, owner, name)
    own = [team for team in teams if team.pk == original.team_id]
    team = own[0] if own else teams[0]
    form = DeploymentForm.of(original, spec_of(original), selectors.size_presets())
    form.values |= {
        "name": intent.suggest_name(original.name, team),
        "cluster": original.cluster.name,
        # One port, one owner.
        "service.node_port": "",
        "registry": "",
    }
    form.start_field = "name"
    if not own:
        # The catalogue of the other team is not this team's; its image is for everybody who can pull it.
        form.source, form.version = "image", ""
    for row in form.env:
        row.state = ""
    return show(request, form, team, teams, extra={"clone_of": original})


def typed_form(request: PageRequest, team: Team) -> DeploymentForm:
    """What was typed; what was only suggested, and for something else, is suggested anew."""
    form = DeploymentForm.typed(request.POST)
    outdated = request.POST.get("suggested_for", "") != basis_of(form)
    if outdated:
        fit_size(request, form, version_of(request, form, team))
    typed, suggested = form.values.get("name", ""), request.POST.get("suggested", "")
    if not typed or (outdated and typed == suggested):
        form.values["name"] = suggestion(form, team)
    return form


def fit_size(request: PageRequest, form: DeploymentForm, version: ModelVersion | None) -> bool:
    """Takes the version's size, unless one was chosen by hand. Whether it is another one now."""
    before, suggested = form.values.get("preset"), request.POST.get("suggested_size")
    by_hand = any(form.values.get(f"resources.{name}") for name in Resources.__struct_fields__)
    if suggested is None or before != suggested or (before and by_hand):
        return False
    form.fit_size(version, selectors.size_presets())
    return bool(form.values.get("preset") != before or not before)


def create_once(request: PageRequest, form: DeploymentForm, team: Team) -> Operation:
    """Creates it; sent twice within a minute without a name of its own, it is still one deployment.

    Raises:
        DomainError: whatever a create raises.
    """
    if not request.POST.get("name"):
        since = timezone.now() - DOUBLE_CLICK
        mine = Deployment.objects.filter(team=team, created_by=request.user, created_at__gte=since)
        newest = mine.filter(deleted_at=None).order_by("-created_at").first()
        if newest is not None:
            try:
                # Equal to the newest, this answers what the first click was answered.
                return intent.create_deployment(
                    team, {**form.payload(), "name": newest.name}, by=request.user
                )
            except DuplicateName:
                pass
    return intent.create_deployment(team, form.payload(), by=request.user)


def clusters_for(request: PageRequest) -> list[Cluster]:
    """Clusters to choose from; those that answer come first, and the first is preselected."""
    return sorted(
        selectors.clusters_visible_to(request.user), key=lambda one: bool(selectors.stale_since(one))
    )


def basis_of(form: DeploymentForm) -> str:
    """What a name is suggested for: the image or the model; "" when nothing was chosen yet."""
    origin = form.origin()
    return str(origin.get("image") or origin.get("model") or "")


def suggestion(form: DeploymentForm, team: Team) -> str:
    """A free name for what is being deployed; "" when nothing was chosen yet."""
    basis = basis_of(form)
    return intent.suggest_name(basis, team) if basis else ""


def version_of(request: PageRequest, form: DeploymentForm, team: Team) -> ModelVersion | None:
    """The version that the form means, also when it names the image of one."""
    versions = selectors.versions_visible_to(request.user).filter(model__team=team)
    if form.source == "image":
        return versions.filter(image=form.values.get("image", "")).first()
    model, _, version = form.version.partition("@")
    return versions.filter(model__name=model, version=version).first()


def show_checked(request: PageRequest, form: DeploymentForm, team: Team, teams: list[Team]) -> HttpResponse:
    """The form again with its preview and preflight: what a browser with a script shows beside it."""
    preview = preview_new(team, form, by=request.user)
    checked = preflight(preview.draft, ask_cluster=True) if preview.draft else None
    return show(request, form, team, teams, preview=preview, extra={"preflight": checked})


def show(
    request: PageRequest,
    form: DeploymentForm,
    team: Team,
    teams: list[Team],
    *,
    status: int = 200,
    preview: Preview | None = None,
    extra: dict[str, object] | None = None,
) -> HttpResponse:
    form.forget_secrets()
    version = version_of(request, form, team)
    if status != 200:
        form.env = with_schema(form.env, version.env_schema if version else ())
    if status != 200:
        preview = Preview(errors=form.every_error)
    elif preview is None and basis_of(form):
        preview = preview_new(team, form, by=request.user)
    versions = selectors.versions_visible_to(request.user).filter(model__team=team)
    clusters = clusters_for(request)
    context = {
        "form": form,
        "team": team,
        "teams": teams,
        "versions": versions.filter(archived_at=None).order_by("model__name", "-id"),
        "clusters": clusters,
        "rooms": rooms_for([(team, cluster) for cluster in clusters]),
        "parts": section_states(form),
        "preview": preview or Preview(),
        "suggested": "" if request.method == "POST" else form.values.get("name", ""),
        "suggested_for": basis_of(form),
        "suggested_size": form.values.get("preset", "") if request.method != "POST" else None,
        **options_of(
            sizes=selectors.size_presets(),
            clusters=clusters,
            node_presets=[one for cluster in clusters for one in selectors.node_presets_of(cluster)],
            registries=selectors.registries_of(team),
        ),
        **(extra or {}),
    }
    return render(request, "deployments/new.html", context, status=status)


@page
@require_POST
def suggested_name(request: PageRequest) -> HttpResponse:
    """The name again, unless one was typed, and the variables that the chosen version knows."""
    team = chosen_team(request, teams_to_deploy_in(request))
    form = DeploymentForm.typed(request.POST)
    suggested, typed = "", form.values.get("name", "")
    if not typed or typed == request.POST.get("suggested", ""):
        form.values["name"] = suggested = suggestion(form, team)
    version = version_of(request, form, team)
    other_basis = request.POST.get("suggested_for", "") != basis_of(form)
    before = [row.name for row in form.env]
    form.env = with_schema(form.env, version.env_schema if version else ())
    other_size = other_basis and fit_size(request, form, version)
    context = {
        "form": form,
        "suggested": suggested,
        "suggested_for": basis_of(form),
        "other_rows": [row.name for row in form.env] != before,
        "other_size": other_size,
        "sizes": selectors.size_presets(),
        "suggested_size": form.values.get("preset", ""),
        "parts": section_states(form),
    }
    return render(request, "deployments/suggestion.html", context)
