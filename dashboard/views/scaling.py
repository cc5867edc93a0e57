"""Who owns the count, what the clock does with it, and pausing: all of scaling on one page."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.forms.scaling import AUTOMATIC, ScalingForm, ScheduleForm
from dashboard.inert import made_inert
from dashboard.quotas import room_for
from dashboard.views.events import meaning_of
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from dashboard.views.revisions import is_number
from deployments import counts, intent, selectors
from deployments.errors import DomainError, InvalidInput, NotFound, PermissionDenied
from deployments.models import Deployment, Event, ScalingSchedule
from deployments.spec.clock import explain_cron
from deployments.spec.clock import next_times as moments_of
from deployments.spec.schedules import describe_target

TIMES_SHOWN = 3
EVENTS_SHOWN = 3
# What people mean most often, offered where a time is typed.
USUAL_TIMES = (
    ("0 8 * * 1-5", "Weekdays at 08:00"),
    ("0 18 * * 1-5", "Weekdays at 18:00"),
    ("0 0 * * *", "Every day at midnight"),
    ("0 8 * * 1", "Mondays at 08:00"),
    ("0 20 * * 5", "Fridays at 20:00"),
    ("0 * * * *", "Every hour"),
)


@dataclass(frozen=True)
class Times:
    """A schedule's time in words, and its next moments in the team's time zone; or why it is none."""

    words: str = ""
    next: tuple[datetime, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class ShownSchedule:
    row: ScalingSchedule
    times: Times
    does: str
    skipped: str


@page
@require_http_methods(["GET", "HEAD", "POST"])
def scaling(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    if deployment.deleted_at is not None:
        raise NotFound("A deleted deployment is not scaled any more; its history is kept.")
    if request.method != "POST":
        return show(request, deployment)
    form = ScalingForm.typed(request.POST)
    try:
        done = save(request, deployment, form)
    except (NotFound, PermissionDenied):
        raise
    except DomainError as error:
        form.refuse(error)
        deployment.refresh_from_db()
        return show(request, deployment, form=form, status=error.status)
    messages.success(request, done)
    return redirect("deployment-scaling", deployment.team.name, deployment.name)


def save(request: PageRequest, deployment: Deployment, form: ScalingForm) -> str:
    """Store what the card says as one wish; what to tell the person."""
    seen = request.POST.get("generation", "")
    if_generation = int(seen) if is_number(seen) else None
    by = request.user
    if form.mode == AUTOMATIC:
        intent.autoscale(deployment, form.autoscaling(), by=by, if_generation=if_generation)
        return f"An autoscaler owns the count of {deployment.name} now."
    replicas = form.number("replicas")
    if deployment.autoscaling is None:
        intent.scale(deployment, replicas, by=by, if_generation=if_generation)
        stays = " once it is resumed" if deployment.paused_at else ""
        return f"Scaling {deployment.name} to {replicas}{stays}."
    changes = {"autoscaling": None, "replicas": replicas}
    intent.update_deployment(deployment, changes, by=by, if_generation=if_generation)
    return f"Autoscaling is off; {deployment.name} is scaled to {replicas}."


def show(
    request: PageRequest,
    deployment: Deployment,
    *,
    form: ScalingForm | None = None,
    schedule: ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The tab; a form is given when it was refused, with what was typed."""
    bounds = counts.autoscaling_of(deployment)
    # Without a script, "Check" comes back here with what was typed in the address.
    typed = schedule or ScheduleForm.typed(request.GET)
    rows = [describe(row, deployment) for row in selectors.schedules_of(deployment)]
    events = selectors.events_of(deployment).filter(object_kind="HorizontalPodAutoscaler")
    context = {
        "form": form or ScalingForm.of(deployment, bounds),
        "bounds": bounds,
        "room": room_for(deployment),
        "autoscaler": selectors.present_autoscaler(deployment),
        "autoscaler_events": [(event, plainly(event)) for event in events[:EVENTS_SHOWN]] if bounds else [],
        "next_change": selectors.next_change_of(deployment),
        "schedules": rows,
        "schedule": typed,
        "schedule_open": schedule is not None or bool(typed.values["cron"]) or not rows,
        "times": times_of(typed.values["cron"], deployment),
        "usual_times": USUAL_TIMES,
        "zone": deployment.team.time_zone,
    }
    return show_tab(
        request, deployment, "deployment-scaling", "deployments/scaling.html", context, status=status
    )


def plainly(event: Event) -> str:
    """What to read of an event. A rescale's own message says from where to where; troubles ramble."""
    meaning = meaning_of(event.reason) if event.type == "Warning" else ""
    return meaning or made_inert(event.message)


def describe(row: ScalingSchedule, deployment: Deployment) -> ShownSchedule:
    """A schedule's line: when, what, and whether it would do nothing as things are."""
    skipped = ""
    if row.replicas is not None and deployment.autoscaling:
        skipped = "Skipped while an autoscaler owns the count."
    elif row.replicas is None and not deployment.autoscaling:
        skipped = "Skipped while autoscaling is off."
    return ShownSchedule(row, times_of(row.cron, deployment), describe_target(row), skipped)


def times_of(cron: str, deployment: Deployment) -> Times:
    """What a time means: in words, and when it comes next where the team lives."""
    if not cron:
        return Times()
    try:
        moments = islice(moments_of(cron, deployment.team.time_zone), TIMES_SHOWN)
        return Times(words=explain_cron(cron), next=tuple(moments))
    except InvalidInput as error:
        return Times(error=" ".join(problem.message for problem in error.errors) or error.detail)


@page
@require_safe
def next_times(request: PageRequest, team: str, name: str) -> HttpResponse:
    """While a time is typed: what it means."""
    deployment = selectors.get_deployment(request.user, team, name)
    times = times_of(request.GET.get("cron", "").strip()[:100], deployment)
    context = {"times": times, "zone": deployment.team.time_zone}
    return render(request, "deployments/scaling_times.html", context)


@page
@require_POST
def add_schedule(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    form = ScheduleForm.typed(request.POST.dict())
    try:
        intent.add_schedule(deployment, form.payload(), by=request.user)
    except (NotFound, PermissionDenied):
        raise
    except DomainError as error:
        form.refuse(error)
        return show(request, deployment, schedule=form, status=error.status)
    messages.success(request, "The schedule is stored.")
    return redirect("deployment-scaling", deployment.team.name, deployment.name)


@page
@require_POST
def change_schedule(request: PageRequest, team: str, name: str, number: int) -> HttpResponse:
    """Turn a schedule on or off."""
    deployment = selectors.get_deployment(request.user, team, name)
    enabled = request.POST.get("enabled") == "1"
    intent.change_schedule(selectors.get_schedule(deployment, number), {"enabled": enabled}, by=request.user)
    messages.success(request, "The schedule is on." if enabled else "The schedule is off.")
    return redirect("deployment-scaling", deployment.team.name, deployment.name)


@page
@require_POST
def remove_schedule(request: PageRequest, team: str, name: str, number: int) -> HttpResponse:
    deployment = selectors.get_deployment(request.user, team, name)
    intent.remove_schedule(selectors.get_schedule(deployment, number), by=request.user)
    messages.success(request, "The schedule is deleted.")
    return redirect("deployment-scaling", deployment.team.name, deployment.name)
