"""What is pressed on a deployment. Each stores a wish and goes back to the page that shows it come true.

An answer to htmx is the same redirect: the browser follows it with the same
headers, and gets the page's live part.
"""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.forms.deployment import as_number
from dashboard.views.detail import show_overview
from dashboard.views.frame import PageRequest, page
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.models import Deployment


def carry_out(
    request: PageRequest,
    deployment: Deployment,
    wish: Callable[[], object],
    done: str,
    *,
    replicas: str | None = None,
) -> HttpResponse:
    """Store the wish and go to the overview; a refusal is shown there, one of `replicas` at its field."""
    try:
        wish()
    except (NotFound, PermissionDenied):
        raise
    except DomainError as error:
        deployment.refresh_from_db()
        words = " ".join(problem.message for problem in error.errors) or error.detail
        return show_overview(request, deployment, error=words, replicas=replicas, status=error.status)
    messages.success(request, done)
    # What can be pressed on two tabs goes back to the one it was pressed on.
    tab = "deployment-scaling" if request.POST.get("next") == "scaling" else "deployment"
    return redirect(tab, deployment.team.name, deployment.name)


@page
@require_POST
def scale(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    typed = request.POST.get("replicas", "").strip()
    # The stepper's own buttons send their step, so that they work without JavaScript too.
    step = request.POST.get("step", "")
    wanted = as_number(typed)
    if step in {"-1", "+1"} and isinstance(wanted, int):
        wanted += int(step)
    done = f"Scaling {deployment.name} to {wanted}."
    if deployment.paused_at:
        done = f"{deployment.name} stays paused; {wanted} replicas start when it is resumed."
    return carry_out(
        request,
        deployment,
        lambda: intent.scale(deployment, wanted, by=request.user),
        done,
        replicas=str(wanted),
    )


@page
@require_POST
def restart(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    return carry_out(
        request,
        deployment,
        lambda: intent.restart(deployment, by=request.user),
        f"Restarting {deployment.name}, one pod after the other.",
    )


@page
@require_POST
def pause(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    return carry_out(
        request,
        deployment,
        lambda: intent.pause(deployment, by=request.user),
        f"Pausing {deployment.name}. Its address and its count are kept.",
    )


@page
@require_POST
def resume(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    return carry_out(
        request,
        deployment,
        lambda: intent.resume(deployment, by=request.user),
        f"Resuming {deployment.name}.",
    )


@page
@require_POST
def roll_out(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    version = request.POST.get("version", "")
    changes = {"model": deployment.version.model.name, "version": version}
    return carry_out(
        request,
        deployment,
        lambda: intent.update_deployment(deployment, changes, by=request.user),
        f"Rolling out version {version}.",
    )


@page
@require_POST
def delete_pod(request: PageRequest, team: str, name: str, pod: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    return carry_out(
        request,
        deployment,
        lambda: intent.delete_pod(deployment, pod, by=request.user),
        f"Deleting pod {pod}; another one takes its place.",
    )


@page
@require_POST
def delete(request: PageRequest, team: str, name: str) -> HttpResponse:
    """Delete, once its name has been typed."""
    deployment = selectors.get_deployment(request.user, team, name)
    if request.POST.get("confirm", "").strip() != deployment.name:
        words = f"Nothing was deleted: to delete it, type its name, {deployment.name}, exactly."
        return show_overview(request, deployment, error=words, status=422)
    return carry_out(
        request,
        deployment,
        lambda: intent.delete(deployment, by=request.user),
        f"Deleting {deployment.name}. Its history is kept.",
    )
