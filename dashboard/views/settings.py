"""Changing a deployment with the same form that made it, and deleting it."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from dashboard.forms.choices import options_of, section_states
from dashboard.forms.deployment import DeploymentForm
from dashboard.forms.environment import with_schema
from dashboard.forms.merging import changed_only, merge, recall, remember
from dashboard.forms.preview import DiffLine, Preview, diff_lines, preview_change
from dashboard.quotas import room_for
from dashboard.views.frame import PageRequest, page
from dashboard.views.new_deployment import version_of
from dashboard.views.one import find, show_tab
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, StaleGeneration
from deployments.models import Deployment, Operation
from deployments.operations import ONE_SHOT
from deployments.preflight import preflight
from deployments.spec import spec_of
from teams.roles import Role

MAX_DIGITS = 10
MOST_CHANGES = 5


@dataclass(frozen=True)
class Meanwhile:
    """What others did to a deployment since a form of it was opened."""

    wishes: list[Operation]
    diff: list[DiffLine]
    both: list[str]
    """Fields that both changed, in words."""


@page
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    if deployment.deleted_at is not None:
        raise NotFound("A deleted deployment has no settings any more; its history is kept.")
    if request.method != "POST":
        return show(request, deployment, form_of(deployment))
    form = DeploymentForm.typed(request.POST)
    if request.POST.get("then") == "check":
        return show_checked(request, deployment, form)
    return save(request, deployment, form)


def form_of(deployment: Deployment) -> DeploymentForm:
    """The form of what is wanted now."""
    return DeploymentForm.of(deployment, spec_of(deployment), selectors.size_presets())


def changes_in(form: DeploymentForm, deployment: Deployment) -> dict[str, object]:
    """What was changed since the form was opened."""
    return changed_only(form, recall(form.opened) or form_of(deployment))


def number_in(request: PageRequest, name: str) -> int | None:
    seen = request.POST.get(name, "")
    return int(seen) if seen.isdecimal() and len(seen) < MAX_DIGITS else None


def save(request: PageRequest, deployment: Deployment, form: DeploymentForm) -> HttpResponse:
    may_change(request, deployment)
    changes = changes_in(form, deployment)
    if form.refuse_lost_secrets():
        return show(request, deployment, form, status=422)
    if not changes:
        messages.info(request, "Nothing was different, so nothing was changed.")
        return redirect("deployment", deployment.team.name, deployment.name)
    try:
        # Whoever saved after this form was opened must not be undone unseen.
        intent.update_deployment(
            deployment, changes, by=request.user, if_generation=number_in(request, "generation")
        )
    except StaleGeneration as error:
        deployment.refresh_from_db()
        meanwhile = brought_together(request, deployment, form, error)
        return show(request, deployment, form, status=error.status, meanwhile=meanwhile)
    except DomainError as error:
        if error.status in {403, 404} and not error.errors:
            raise
        form.refuse(error)
        return show(request, deployment, form, status=error.status)
    messages.success(request, f"Saved. The newest wish for {deployment.name} is on its way to the cluster.")
    return redirect("deployment", deployment.team.name, deployment.name)


def may_change(request: PageRequest, deployment: Deployment) -> None:
    """Raises: PermissionDenied, NotFound."""
    selectors.require_role(request.user, deployment.team, Role.DEPLOYER)


def brought_together(
    request: PageRequest, deployment: Deployment, form: DeploymentForm, error: StaleGeneration
) -> Meanwhile:
    """Takes what others changed over into the form, where nothing was typed; says what it was."""
    now = form_of(deployment)
    before = recall(form.opened)
    both = merge(form, before, now) if before else []
    form.opened = remember(now)
    return Meanwhile(
        wishes=changes_since(deployment, number_in(request, "generation") or 0),
        diff=diff_lines(error.diff),
        both=[path.replace("_", " ").replace(".", " ") for path in both],
    )


def changes_since(deployment: Deployment, generation: int) -> list[Operation]:
    """The newest wishes that came after `generation`, newest first."""
    later = Operation.objects.filter(deployment=deployment, generation__gt=generation)
    return list(later.exclude(action__in=ONE_SHOT).order_by("-generation")[:MOST_CHANGES])


def show_checked(request: PageRequest, deployment: Deployment, form: DeploymentForm) -> HttpResponse:
    """The form again with what would change: what a browser with a script shows beside it."""
    preview = preview_change(deployment, form, changes_in(form, deployment), by=request.user)
    checked = preflight(preview.draft, ask_cluster=True) if preview.draft else None
    return show(request, deployment, form, preview=preview, extra={"preflight": checked})


def show(
    request: PageRequest,
    deployment: Deployment,
    form: DeploymentForm,
    *,
    status: int = 200,
    meanwhile: Meanwhile | None = None,
    preview: Preview | None = None,
    extra: dict[str, object] | None = None,
) -> HttpResponse:
    form.opened = form.opened or remember(form_of(deployment))
    form.forget_secrets()
    version = version_of(request, form, deployment.team) or deployment.version
    form.env = with_schema(form.env, version.env_schema, fill=False)
    versions = selectors.versions_visible_to(request.user).filter(model__team=deployment.team)
    offered = versions.filter(archived_at=None) | versions.filter(pk=deployment.version_id)
    context = {
        "form": form,
        "versions": offered.order_by("model__name", "-id"),
        "parts": section_states(form),
        "rooms": [room] if (room := room_for(deployment)) else [],
        "preview": preview or shown_preview(request, deployment, form, status=status),
        "meanwhile": meanwhile,
        # What was seen stays what was seen, until the news have been shown.
        "seen": (None if meanwhile else number_in(request, "generation")) or deployment.generation,
        **options_of(
            sizes=selectors.size_presets(),
            clusters=(),
            node_presets=selectors.node_presets_of(deployment.cluster),
            registries=selectors.registries_of(deployment.team),
        ),
        **(extra or {}),
    }
    return show_tab(
        request, deployment, "deployment-settings", "deployments/settings.html", context, status=status
    )


def shown_preview(
    request: PageRequest, deployment: Deployment, form: DeploymentForm, *, status: int
) -> Preview:
    """What the form would change; empty for those who may only look, and while it is refused."""
    role = selectors.role_of(request.user, deployment.team)
    looks = role is None or not role.covers(Role.DEPLOYER)
    if looks or deployment.delete_requested_at:
        return Preview()
    if status not in {200, StaleGeneration.status}:
        return Preview(errors=form.every_error)
    return preview_change(deployment, form, changes_in(form, deployment), by=request.user)
