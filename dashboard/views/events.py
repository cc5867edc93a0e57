"""What the cluster said of a deployment and its objects, in plain words beside its own."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.utils import translation
from django.views.decorators.http import require_safe

from dashboard.inert import made_inert
from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from deployments import selectors
from deployments.selectors import EventFilters, FoldedEvent
from k8s.event_words import words_of

ROWS = 50
TYPES = ("Normal", "Warning")
MOST_TEXT = 320


@dataclass(frozen=True)
class ShownEvent:
    """`words` say what the reason means, "" when that is not known; `message` is safe to look at."""

    event: FoldedEvent
    words: str
    message: str


@page
@require_safe
def events(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    filters = filters_of(request.GET)
    shown = Paginator(selectors.folded_events_of(deployment, filters), ROWS).get_page(request.GET.get("page"))
    context = {
        "shown": shown,
        "events": [
            ShownEvent(event, meaning_of(event.reason), made_inert(event.message))
            for event in selectors.as_folded(list(shown.object_list))
        ],
        "filters": filters,
        "choices": selectors.event_choices_of(deployment),
        "types": TYPES,
    }
    return show_tab(request, deployment, "deployment-events", "deployments/events.html", context)


def filters_of(data: QueryDict) -> EventFilters:
    """The filters of an address; what cannot be is as good as absent."""
    kind = data.get("type", "")
    return EventFilters(
        type=kind if kind in TYPES else "",
        reason=data.get("reason", "")[:MOST_TEXT],
        object=data.get("object", "")[:MOST_TEXT],
    )


def meaning_of(reason: str) -> str:
    """In the language that is active."""
    words = words_of(reason)
    if words is None:
        return ""
    return words.pt if (translation.get_language() or "").startswith("pt") else words.en
