"""The versions of a model: adding, changing, archiving and deleting one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.catalogue import VARIABLE_KINDS, VersionForm
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest, page
from dashboard.views.models import model_to_change, show_model
from deployments import intent, selectors
from deployments.models import Model, ModelVersion
from deployments.spec.fields import HTTP_METHODS


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest, team: str, name: str) -> HttpResponse:
    model = model_to_change(request, team, name)
    if request.method != "POST":
        return show(request, model, VersionForm.blank())
    form = VersionForm.typed(request.POST)
    payload = form.payload()
    status = refused_form(form, lambda: intent.add_version(model, payload, by=request.user))
    if status is not None:
        return show(request, model, form, status=status)
    messages.success(request, f"{name} {form.values['version']} can be deployed.")
    return redirect("model", team, name)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, team: str, name: str, version: str) -> HttpResponse:
    model = model_to_change(request, team, name)
    found = selectors.get_version(request.user, team, name, version)
    if request.method != "POST":
        return show(request, model, VersionForm.of(found), version=found)
    form = VersionForm.typed(request.POST)
    payload = form.payload(changing=True)
    status = refused_form(form, lambda: intent.change_version(found, payload, by=request.user))
    if status is not None:
        return show(request, model, form, version=found, status=status)
    messages.success(request, f"{name} {version} is saved.")
    return redirect(place_of(model, version))


def show(
    request: PageRequest,
    model: Model,
    form: VersionForm,
    *,
    version: ModelVersion | None = None,
    status: int = 200,
    error: str = "",
) -> HttpResponse:
    serving = selectors.deployments_visible_to(request.user).filter(version=version).order_by("name")
    context = {
        "form": form,
        "model": model,
        "version": version,
        "serving": serving if version else (),
        "kinds": VARIABLE_KINDS,
        "methods": HTTP_METHODS,
        "error": error,
    }
    return render(request, "models/version.html", context, status=status)


def place_of(model: Model, version: str) -> str:
    """Where the model's page shows a version."""
    return f"{reverse('model', args=[model.team.name, model.name])}#version-{version}"


@page
@require_POST
def archive(request: PageRequest, team: str, name: str, version: str) -> HttpResponse:
    """Put away, or (with `archived=false`) offered again."""
    found = selectors.get_version(request.user, team, name, version)
    away = request.POST.get("archived", "true") == "true"
    error = refused(lambda: intent.change_version(found, {"archived": away}, by=request.user))
    if error is not None:
        model = selectors.get_model(request.user, team, name)
        return show_model(request, model, error=error.detail, status=error.status)
    words = "is archived: not offered any more, and what runs goes on." if away else "is offered again."
    messages.success(request, f"{name} {version} {words}")
    return redirect(place_of(found.model, version))


@page
@require_POST
def delete(request: PageRequest, team: str, name: str, version: str) -> HttpResponse:
    """Delete, once its number has been typed."""
    model = model_to_change(request, team, name)
    found = selectors.get_version(request.user, team, name, version)
    if request.POST.get("confirm", "").strip() != found.version:
        words = f"Nothing was deleted: to delete it, type its number, {found.version}, exactly."
        return show(request, model, VersionForm.of(found), version=found, status=422, error=words)
    error = refused(lambda: intent.delete_version(found, by=request.user))
    if error is not None:
        form = VersionForm.of(found)
        return show(request, model, form, version=found, status=error.status, error=error.detail)
    messages.success(request, f"{name} {version} is deleted from the catalogue.")
    return redirect("model", team, name)
