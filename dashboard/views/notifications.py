"""What happened to my teams' deployments, and how much of it I have not seen."""

from datetime import datetime

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.inert import made_inert
from dashboard.places import places_of
from dashboard.views.frame import PageRequest, page, page_or_fragment
from deployments import intent, selectors
from deployments.models import Happening

ROWS = 50


@page
@require_safe
def notifications(request: PageRequest) -> HttpResponse:
    """Newest first; what is new to this person is marked. Looking changes nothing: `seen` does."""
    until = selectors.seen_until(request.user)
    rows = selectors.happenings_visible_to(request.user)
    shown = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    found = list(shown.object_list)
    context = {
        "shown": shown,
        "happenings": [describe(row, until) for row in found],
        "newest": max((row.at for row in found), default=timezone.now()).isoformat(),
        "some_new": any(row.at > until for row in found),
        "here": request.get_full_path(),
    }
    return page_or_fragment(request, "notifications.html", "list", context)


def describe(row: Happening, until: datetime) -> dict[str, object]:
    """A row: its state word ("failed" of "deployment.failed"), and whether it is new."""
    about, _, word = row.kind.partition(".")
    return {
        "row": row,
        "word": word if about == "deployment" else "succeeded",
        "title": "rollout finished" if about == "rollout" else word,
        "text": made_inert(row.text),
        "is_new": row.at > until,
    }


@page
@require_POST
def seen(request: PageRequest) -> HttpResponse:
    """What happened up to `until` is not new any more. A page's own script gets the bell back."""
    intent.see_happenings(request.user, until=moment_of(request.POST.get("until", "")))
    if request.htmx:
        return bell_with_count(request)
    return redirect("notifications")


def moment_of(text: str) -> datetime:
    """As the page wrote it; now, when it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return timezone.now()
    return moment if moment.tzinfo else timezone.now()


@page
@require_safe
def bell(request: PageRequest) -> HttpResponse:
    """The bell alone, with how much is new."""
    return bell_with_count(request)


def bell_with_count(request: PageRequest) -> HttpResponse:
    return render(request, "parts/bell.html", {"unseen": selectors.count_unseen(places_of(request))})
