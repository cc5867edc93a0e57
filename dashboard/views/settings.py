"""Changing a deployment with the same form that made it, and deleting it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from dashboard.forms.deployment import DeploymentForm, preset_cards
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.models import Deployment
from deployments.spec import spec_of
from k8s.spec import Spec


@page
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    if deployment.deleted_at is not None:
        raise NotFound("A deleted deployment has no settings any more; its history is kept.")
    spec = spec_of(deployment)
    if request.method != "POST":
        return show(request, deployment, DeploymentForm.of(deployment, spec))
    return save(request, deployment, spec)


def save(request: PageRequest, deployment: Deployment, spec: Spec) -> HttpResponse:
    form = DeploymentForm.typed(request.POST)
    # Whoever saved after this form was opened must not be undone unseen.
    seen = request.POST.get("generation", "")
    if_generation = int(seen) if seen.isdecimal() and len(seen) < 10 else None
    try:
        intent.update_deployment(
            deployment, changed_only(form, deployment, spec), by=request.user, if_generation=if_generation
        )
    except (NotFound, PermissionDenied) as error:
        if not error.errors:
            raise
        form.refuse(error)
        return show(request, deployment, form, status=error.status)
    except DomainError as error:
        form.refuse(error)
        deployment.refresh_from_db()
        return show(request, deployment, form, status=error.status)
    messages.success(request, f"Saved. {deployment.name} changes without a break in service.")
    return redirect("deployment", deployment.team.name, deployment.name)


def changed_only(form: DeploymentForm, deployment: Deployment, spec: Spec) -> dict[str, object]:
    """The payload without what is already so: two people changing two things do not undo each other."""
    before = DeploymentForm.of(deployment, spec).payload(changing=True)
    return {key: value for key, value in form.payload(changing=True).items() if value != before.get(key, ...)}


def show(
    request: PageRequest, deployment: Deployment, form: DeploymentForm, *, status: int = 200
) -> HttpResponse:
    versions = selectors.versions_visible_to(request.user).filter(model__team=deployment.team)
    context = {
        "form": form,
        "versions": versions.order_by("model__name", "-id"),
        "presets": preset_cards(),
        "editing": True,
    }
    return show_tab(
        request, deployment, "deployment-settings", "deployments/settings.html", context, status=status
    )
