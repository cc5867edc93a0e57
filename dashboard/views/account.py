"""Who am I here, and how do I want to see it?"""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from dashboard.clock import zones
from dashboard.context import THEMES
from dashboard.forms.people import DAYS, TokenForm, scope_choices, team_choices
from dashboard.views.frame import PageRequest, page
from deployments import selectors
from teams.access import highest_role
from teams.sessions import kept_key
from teams.tokens import scopes_of

YEAR_SECONDS = 365 * 24 * 3600
THEME_WORDS = {"auto": "As the system has it", "light": "Light", "dark": "Dark"}


@page
@require_safe
def account(request: PageRequest) -> HttpResponse:
    return show(request)


def show(
    request: PageRequest,
    *,
    token_form: TokenForm | None = None,
    made: str = "",
    wrong_zone: str = "",
    status: int = 200,
) -> HttpResponse:
    """`made` is the text of a new token, `wrong_zone` a time zone that there is not."""
    teams = list(selectors.teams_of(request.user))
    context = {
        "places": [{"team": team, "role": selectors.role_of(request.user, team)} for team in teams],
        "tokens": selectors.owned_tokens(request.user),
        "token_form": token_form or TokenForm.blank(team=""),
        "scopes": scope_choices(scopes_of(highest_role(request.user))),
        "team_choices": team_choices(teams),
        "days": DAYS,
        "made": made,
        "sessions": [
            {"row": row, "here": row.session_key == kept_key(request.session.session_key or "")}
            for row in selectors.sign_ins_of(request.user)
        ],
        "factors": Authenticator.objects.filter(user=request.user).exists(),
        "provider": settings.OIDC,
        "connected": settings.OIDC is not None
        and SocialAccount.objects.filter(user=request.user, provider=settings.OIDC.issuer).exists(),
        "themes": THEME_WORDS,
        "languages": settings.LANGUAGES,
        "chosen_language": request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
        "clock": wrong_zone or timezone.get_current_timezone_name(),
        "wrong_zone": wrong_zone,
        "zones": sorted(zones()),
    }
    return render(request, "account.html", context, status=status)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or "as the system has it" in a cookie, and go back."""
    response = _back(request)
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        _remember(request, response, "theme", chosen)
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember a language in a cookie, or forget it for the browser's own, and go back."""
    response = _back(request)
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        _remember(request, response, settings.LANGUAGE_COOKIE_NAME, chosen)
    elif not chosen:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return response


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "/")
    ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back if ours else "/")


def _remember(request: HttpRequest, response: HttpResponse, cookie: str, chosen: str) -> None:
    response.set_cookie(
        cookie, chosen, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure(), httponly=True
    )
