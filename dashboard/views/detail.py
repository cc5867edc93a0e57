"""The tabs of a deployment that only read our own tables."""

from collections.abc import Sequence

import msgspec
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.explaining import explain
from dashboard.quotas import room_for
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import abilities, find, show_tab
from dashboard.views.rollout import rollout_of
from deployments import counts, selectors
from deployments.models import Deployment, Pod, PodUsage, State
from deployments.selectors.usage.pods import pods_with_use
from deployments.spec import spec_of
from k8s.facts import ContainerFacts, PodFacts
from k8s.manifests import to_yaml

TIMELINE_LENGTH = 40


@page
@require_safe
def overview(request: PageRequest, team: str, name: str) -> HttpResponse:
    return show_overview(request, find(request, team, name))


def show_overview(
    request: PageRequest,
    deployment: Deployment,
    *,
    error: str = "",
    replicas: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The overview tab; `error` and `replicas` (as typed) when an action on it was refused."""
    pods = pods_with_use(deployment)
    autoscaling = counts.autoscaling_of(deployment)
    # A refused number is told at its field, as long as there is one.
    may_change = abilities(request, deployment).change
    has_field = may_change and autoscaling is None
    moving = deployment.state != State.RUNNING
    context = {
        "spec": spec_of(deployment),
        "pods": [describe_pod(pod, use) for pod, use in pods],
        "timeline": selectors.timeline_of(deployment)[:TIMELINE_LENGTH],
        "versions": selectors.versions_beside(deployment).only("version"),
        "rollout": rollout_of(deployment) if moving else None,
        "diagnosis": explain(deployment, to=request.user if may_change else None),
        "steps": selectors.rollout_steps(deployment),
        "autoscaling": autoscaling,
        "room": room_for(deployment) if may_change else None,
        "next_change": selectors.next_change_of(deployment) if may_change else None,
        # Its word is part of the rollout's.
        "operation": deployment.operations.order_by("-created_at", "-generation").first() if moving else None,
        "error": error,
        "scale_error": error if replicas is not None and has_field else "",
        "replicas": str(deployment.replicas) if replicas is None else replicas,
    }
    return show_tab(request, deployment, "deployment", "deployments/overview.html", context, status=status)


def describe_pod(pod: Pod, use: PodUsage | None = None) -> dict[str, object]:
    """A pod's row: what it is doing, what it uses, and why it was last restarted."""
    containers = containers_of(pod)
    restarted = next((c for c in containers if c.restarts and c.last_reason), None)
    last = ""
    if restarted is not None:
        code = "" if restarted.last_exit_code is None else f", exit code {restarted.last_exit_code}"
        last = f"{restarted.last_reason}{code}"
    waiting = next((c for c in containers if c.state == "waiting" and c.reason), None)
    return {"row": pod, "use": use, "doing": word_for(pod), "last_restart": last, "waiting": waiting}


def containers_of(pod: Pod) -> Sequence[ContainerFacts]:
    try:
        return msgspec.convert(pod.facts, PodFacts, strict=False).containers
    except msgspec.ValidationError:
        return ()


def word_for(pod: Pod) -> str:
    """One of our status words for one pod."""
    if pod.deleting:
        return "deleting"
    if pod.ready:
        return "running"
    if pod.reason and pod.phase != "Succeeded" and pod.reason not in {"ContainerCreating", "PodInitializing"}:
        return "failed"
    return "failed" if pod.phase == "Failed" else "pending" if pod.phase == "Pending" else "deploying"


def manifests_text(deployment: Deployment) -> str:
    """As the form previews them and as REST gives them."""
    return to_yaml(selectors.manifests_of(deployment))


@page
@require_safe
def manifests(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    context = {"text": manifests_text(deployment)}
    return show_tab(request, deployment, "deployment-yaml", "deployments/yaml.html", context)


@page
@require_safe
def download_manifests(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    return HttpResponse(
        manifests_text(deployment),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{deployment.name}.yaml"'},
    )
