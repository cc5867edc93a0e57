"""Signing in and out: with a password, a passkey, or the provider."""

from typing import Any

import requests
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.webauthn.views import LoginWebAuthnView
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.entrance.client import ProviderClient
from dashboard.entrance.provider import CONNECT, LEAVING, way_out
from dashboard.views.frame import error_page
from deployments import limits
from teams import audit

NONCE_CHARACTERS = 32


class SignIn(LoginView):
    """Before a password is looked at, floods of tries and those who failed too often are refused."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(**more, provider=settings.OIDC)

    def post(self, request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        wait_seconds = flooded(request)
        if wait_seconds:
            return self.wait(wait_seconds)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Signed in, or asked for the second factor that they have."""
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(self.request, {"username": user.get_username()}, login)
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        locked_out = getattr(self.request, "axes_locked_out", False)
        note_failure(
            form.cleaned_data.get("username", ""),
            "Too many wrong tries." if locked_out else "Wrong password.",
        )
        if locked_out:
            return self.wait(int(settings.AXES_COOLOFF_TIME.total_seconds()))
        return super().form_invalid(form)

    def wait(self, seconds: int) -> HttpResponse:
        """The form again. Whether there is such a person, and whether the password was right, is not told."""
        form = AuthenticationForm(self.request, initial={"username": self.request.POST.get("username", "")})
        context = self.get_context_data(form=form, wait_seconds=seconds)
        headers = {"Retry-After": str(seconds)}
        return self.render_to_response(context, status=429, headers=headers)


class SignOut(LogoutView):
    """By POST only: a link on somebody else's page must not sign anyone out.

    Whoever came by the provider is led on to sign out there as well.
    """

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        back = request.build_absolute_uri(reverse("sign-in"))
        away = way_out(request.session.get(LEAVING), back=back)
        if request.user.is_authenticated:
            audit.record(request.user.username, "sign out", request.user.username)
        answer = super().post(request, *args, **kwargs)
        return lead_away(request, away) if away else answer


class SecondFactor(AuthenticateView):  # type: ignore[misc]
    """After the password."""

    template_name = "sign_in/second_factor.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait_seconds = flooded(request)
        if wait_seconds:
            return too_many(request, wait_seconds)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


class Passkey(LoginWebAuthnView):  # type: ignore[misc]
    """GET answers a script with a challenge; POST takes what a passkey makes of it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Of both: a challenge is kept in a session, which is a row.
        wait_seconds = flooded(request)
        if wait_seconds:
            return too_many(request, wait_seconds)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def form_invalid(self, form: object) -> HttpResponse:
        audit.refuse(
            "", "sign in", "with a passkey", why="The passkey is not known, or its answer was wrong."
        )
        answer: HttpResponse = super().form_invalid(form)
        return answer


@never_cache
@require_POST
def provider(request: HttpRequest) -> HttpResponse:
    """The way to the provider, which leads back to `provider_answer`.

    What the provider is asked is not for the browser to say: allauth would take more from its request.
    """
    wait_seconds = flooded(request)
    if wait_seconds:
        return too_many(request, wait_seconds)
    client = ProviderClient(request)
    known = client.get_provider()
    known.oauth2_adapter_class = lambda *_: client
    nonce = get_random_string(NONCE_CHARACTERS)
    process = CONNECT if request.user.is_authenticated else "login"
    try:
        answer = known.redirect(
            request,
            process,
            next_url=_own_address(request),
            auth_params={"nonce": nonce},
            nonce=nonce,
        )
    except (requests.RequestException, OAuth2Error, ValueError, KeyError):
        return error_page(
            request,
            503,
            title="The provider does not answer",
            detail=f"{known.name} cannot be reached. Try again later, or sign in with your password.",
        )
    return lead_away(request, answer["Location"])


@never_cache
@require_safe
def provider_answer(request: HttpRequest) -> HttpResponseBase:
    """Where the provider sends people back to."""
    wait_seconds = flooded(request)
    if wait_seconds:
        return too_many(request, wait_seconds)
    view = OAuth2CallbackView.adapter_view(ProviderClient(request))
    answer: HttpResponseBase = view(request)
    return answer


def lead_away(request: HttpRequest, address: str) -> HttpResponse:
    """A page that leads to another site.

    Not a redirect: our Content-Security-Policy lets no form lead elsewhere, not even by one.
    """
    answer = render(request, "sign_in/leaving.html", {"address": address, "provider": settings.OIDC})
    answer["Cache-Control"] = "no-store"
    return answer


def flooded(request: HttpRequest) -> int:
    """Counts a try from this address; 0, or how many seconds to wait after too many."""
    limit = limits.Limit("sign-in", settings.SIGN_INS_PER_MINUTE)
    standing = limits.count(limit, limits.neighbourhood_of(request))
    return standing.reset_seconds if standing is not None and standing.exceeded else 0


def too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    detail = f"Too many attempts to sign in from your network. Wait {seconds} s, then try again."
    answer = error_page(request, 429, title="Too many attempts", detail=detail)
    answer["Retry-After"] = str(seconds)
    return answer


def note_failure(typed: str, why: str) -> None:
    """A failed sign-in. A name that nobody has is not written down: it may be a password."""
    known = User.objects.filter(username=typed).values_list("username", flat=True).first() if typed else None
    audit.refuse(known or "", "sign in", known or "unknown account", why=why)


def _own_address(request: HttpRequest) -> str | None:
    """Where to go afterwards, if that is an address of ours."""
    wanted = request.POST.get("next", "")
    secure = request.is_secure()
    hosts = {request.get_host()}
    return wanted if url_has_allowed_host_and_scheme(wanted, hosts, require_https=secure) else None
