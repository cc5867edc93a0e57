"""What people keep for themselves: tokens, where they are signed in, and by which clock times are shown."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.clock import COOKIE, is_zone
from dashboard.forms.people import TokenForm
from dashboard.forms.typed import refused_form
from dashboard.views.account import YEAR_SECONDS, show
from dashboard.views.frame import PageRequest, page
from deployments import intent, selectors
from teams.models import ApiToken


@page
@require_POST
def make_token(request: PageRequest) -> HttpResponse:
    """The token is shown in this one answer: nothing keeps it for a moment longer."""
    form = TokenForm.typed(request.POST, "team")
    made: list[tuple[str, ApiToken]] = []
    status = refused_form(form, lambda: made.append(intent.create_own_token(form.payload(), by=request.user)))
    if status is not None:
        return show(request, token_form=form, status=status)
    response = show(request, made=made[0][0], status=201)
    response["Cache-Control"] = "no-store"
    return response


@page
@require_POST
def revoke_token(request: PageRequest, token: UUID) -> HttpResponse:
    row = selectors.pick_token(selectors.owned_tokens(request.user), token)
    intent.revoke_token(row, by=request.user)
    messages.success(request, f"Token {row.name} is revoked.")
    return redirect("account")


@page
@require_POST
def end_session(request: PageRequest, session: UUID) -> HttpResponse:
    intent.end_sign_in(session, by=request.user)
    messages.success(request, "That browser is signed out.")
    return redirect("account")


@page
@require_POST
def end_other_sessions(request: PageRequest) -> HttpResponse:
    ended = intent.end_other_sign_ins(request.session.session_key, by=request.user)
    messages.success(
        request, f"Signed out elsewhere: {ended}." if ended else "You are signed in nowhere else."
    )
    return redirect("account")


@page
@require_POST
def time_zone(request: PageRequest) -> HttpResponse:
    """Remembered in this browser, as the theme is; empty means UTC again."""
    chosen = request.POST.get("time_zone", "").strip()
    if chosen and not is_zone(chosen):
        return show(request, wrong_zone=chosen, status=422)
    response = redirect("account")
    if not chosen:
        response.delete_cookie(COOKIE)
        return response
    response.set_cookie(
        COOKIE, chosen, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure(), httponly=True
    )
    return response
