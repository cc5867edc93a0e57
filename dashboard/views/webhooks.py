"""A team's webhooks: where they lead, what they are told, and what became of each delivery."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.typed import refused_form
from dashboard.forms.webhook import WebhookForm
from dashboard.inert import made_inert
from dashboard.views.frame import PageRequest, page, page_or_fragment
from deployments import intent, selectors
from deployments.models import Delivery, DeliveryState, Webhook
from teams.models import Team
from teams.roles import Role

ROWS = 50


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest, team: str) -> HttpResponse:
    """The form; a webhook that was made shows its secret, this once."""
    found = selectors.get_team(request.user, team)
    selectors.require_role(request.user, found, Role.LEAD)
    if request.method != "POST":
        return show_new(request, found, WebhookForm.blank())
    form = WebhookForm.typed(request.POST)
    made: list[tuple[Webhook, str]] = []
    status = refused_form(
        form, lambda: made.append(intent.create_webhook(found, form.payload(), by=request.user))
    )
    if status is not None:
        return show_new(request, found, form, status=status)
    webhook, secret = made[0]
    # Shown in the answer itself, not after a redirect: nothing keeps it for a moment longer.
    response = show(request, webhook, secret=secret, status=201)
    response["Cache-Control"] = "no-store"
    return response


def show_new(request: PageRequest, team: Team, form: WebhookForm, *, status: int = 200) -> HttpResponse:
    return render(request, "teams/new_webhook.html", {"team": team, "form": form}, status=status)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: PageRequest, team: str, webhook: UUID) -> HttpResponse:
    """Its settings and its log; a post changes it."""
    found = selectors.get_webhook(request.user, team, webhook)
    if request.method != "POST":
        return show(request, found)
    form = WebhookForm.typed(request.POST)
    status = refused_form(form, lambda: intent.change_webhook(found, form.payload(), by=request.user))
    if status is not None:
        return show(request, found, form=form, status=status)
    messages.success(request, "The webhook is saved.")
    return redirect("team-webhook", team, webhook)


def show(
    request: PageRequest,
    found: Webhook,
    *,
    form: WebhookForm | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    leads = selectors.leads(request.user, found.team)
    shown = Paginator(selectors.deliveries_of(found), ROWS).get_page(request.GET.get("page"))
    rows = list(shown.object_list)
    context = {
        "team": found.team,
        "webhook": found,
        "leads": leads,
        "address": selectors.shown_address(found, whole=leads),
        "form": form or WebhookForm.of(found),
        "secret": secret,
        "shown": shown,
        "deliveries": [{"row": row, "answer": made_inert(row.answer)} for row in rows],
        "is_busy": any(is_on_its_way(row) for row in rows),
    }
    return page_or_fragment(request, "teams/webhook.html", "log", context, status=status)


def is_on_its_way(delivery: Delivery) -> bool:
    """Whether news of it are a matter of seconds."""
    return delivery.state == DeliveryState.WAITING and delivery.attempts < 2


@page
@require_POST
def test(request: PageRequest, team: str, webhook: UUID) -> HttpResponse:
    found = selectors.get_webhook(request.user, team, webhook)
    intent.try_webhook(found, by=request.user)
    messages.success(request, "A test is on its way; the log shows what becomes of it.")
    return redirect("team-webhook", team, webhook)


@page
@require_POST
def delete(request: PageRequest, team: str, webhook: UUID) -> HttpResponse:
    found = selectors.get_webhook(request.user, team, webhook)
    intent.delete_webhook(found, by=request.user)
    messages.success(request, "The webhook is deleted. Nothing more is sent to it.")
    return redirect("team", team)
