"""Accounts are made by invitation, by an admin or by the provider, never by whoever comes along."""

from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from dashboard.views.frame import error_page
from deployments import limits
from teams import audit

BACKEND = "django.contrib.auth.backends.ModelBackend"
_WORDS = {
    "password": "password",
    "socialaccount": "provider",
    "totp": "code",
    "recovery_codes": "recovery code",
    "webauthn": "passkey",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """What allauth asks about accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Axes counts wrong passwords; here they would be counted again, and by the name alone."""

    def login(self, request: HttpRequest, user: User) -> None:
        login(request, user, backend=BACKEND)

    def post_login(self, request: HttpRequest, user: User, **hints: Any) -> HttpResponse:
        detail = {"with": ways_of(request, user)}
        audit.record(user.username, "sign in", user.username, detail=detail)
        response: HttpResponse = super().post_login(request, user, **hints)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        audit.refuse(user.username, "sign in", user.username, why="The account is disabled.")
        detail = "This account is disabled. An admin of this installation can enable it again."
        return error_page(request, 403, title="Not allowed", detail=detail)

    def get_client_ip(self, request: HttpRequest) -> str:
        return limits.address_of(request) or "unknown"

    def is_reauthentication_required(self, *, app: str, **_more: Any) -> bool:  # noqa: ARG002
        """Whoever finds a browser open must not be able to change how its owner signs in."""
        return True

    def send_mail(self, template_prefix: str, email: str, context: Mapping[str, Any]) -> None:
        """Nothing sends mails here."""


def ways_of(request: HttpRequest, user: User) -> str:
    """How somebody proved who they are in this session, such as "password, code"."""
    ways = [one.get("type") or one["method"] for one in get_authentication_records(request, user)]
    return ", ".join(dict.fromkeys(_WORDS.get(way, way) for way in ways))


def stop_with(response: HttpResponse) -> ImmediateHttpResponse:
    """What allauth answers with, from deep within."""
    return ImmediateHttpResponse(response)
