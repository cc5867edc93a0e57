"""What one deployment holds, uses and costs."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.charting import WINDOWS, chart_of
from dashboard.forms.usage import window_of
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from dashboard.views.savings import row_for
from dashboard.views.usage import part_address
from deployments.models import Deployment
from deployments.selectors.usage.clusters import why_no_metrics
from deployments.selectors.usage.deployments import usage_of
from deployments.selectors.usage.pods import pods_with_use


@page
@require_safe
def usage(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    if request.GET.get("part") == "chart":
        return render(request, "usage/chart.html", chart_context(request, deployment))
    seen = usage_of([deployment])[0]
    context: dict[str, object] = {
        "usage": seen,
        "right_size": None if deployment.deleted_at else row_for(request, deployment),
        "pods": pods_with_use(deployment),
        "why_unknown": why_no_metrics(deployment.cluster, measured=seen.used is not None),
    }
    if not request.htmx:
        context |= chart_context(request, deployment)
    return show_tab(request, deployment, "deployment-usage", "deployments/usage.html", context)


def chart_context(request: PageRequest, deployment: Deployment) -> dict[str, object]:
    window = window_of(request.GET)
    return {
        "chart": chart_of(deployment.cluster, window, deployment=deployment),
        "chart_title": f"All replicas together, last {WINDOWS[window]}",
        "chart_address": part_address(request, "chart"),
        "windows": WINDOWS,
        "window": window,
    }
