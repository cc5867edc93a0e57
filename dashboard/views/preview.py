"""Fragments beside the form while it is filled in: the preview at each pause, the preflight after it."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dashboard.forms.choices import section_states
from dashboard.forms.deployment import DeploymentForm
from dashboard.forms.preview import Preview, preview_change, preview_new
from dashboard.views.frame import PageRequest, page
from dashboard.views.new_deployment import basis_of, chosen_team, teams_to_deploy_in, typed_form
from dashboard.views.one import find
from dashboard.views.settings import changes_in, number_in
from deployments.models import Deployment
from deployments.preflight import preflight


@page
@require_POST
def new_preview(request: PageRequest) -> HttpResponse:
    """The manifests of a deployment that is being filled in."""
    team = chosen_team(request, teams_to_deploy_in(request))
    form = typed_form(request, team)
    preview = preview_new(team, form, by=request.user) if basis_of(form) else Preview()
    return show_preview(request, form, preview, {})


@page
@require_POST
def new_preflight(request: PageRequest) -> HttpResponse:
    """Whether the cluster would take it, and what it costs."""
    team = chosen_team(request, teams_to_deploy_in(request))
    form = typed_form(request, team)
    return show_preflight(request, preview_new(team, form, by=request.user) if basis_of(form) else Preview())


@page
@require_POST
def change_preview(request: PageRequest, team: str, name: str) -> HttpResponse:
    """What saving would change."""
    deployment = find(request, team, name)
    form = DeploymentForm.typed(request.POST)
    seen = number_in(request, "generation")
    context = {
        "editing": True,
        "deployment": deployment,
        "outdated": seen is not None and seen != deployment.generation,
    }
    return show_preview(request, form, changed(request, deployment, form), context)


@page
@require_POST
def change_preflight(request: PageRequest, team: str, name: str) -> HttpResponse:
    """Whether the cluster would take the change, and what it would cost."""
    deployment = find(request, team, name)
    return show_preflight(request, changed(request, deployment, DeploymentForm.typed(request.POST)))


def changed(request: PageRequest, deployment: Deployment, form: DeploymentForm) -> Preview:
    return preview_change(deployment, form, changes_in(form, deployment), by=request.user)


def show_preview(
    request: PageRequest, form: DeploymentForm, preview: Preview, context: Mapping[str, object]
) -> HttpResponse:
    merged = {"preview": preview, "parts": section_states(form), **context}
    return render(request, "deployments/preview_answer.html", merged)


def show_preflight(request: PageRequest, preview: Preview) -> HttpResponse:
    checked = preflight(preview.draft, ask_cluster=True) if preview.draft else None
    return render(request, "deployments/preflight.html", {"preflight": checked, "preview": preview})
