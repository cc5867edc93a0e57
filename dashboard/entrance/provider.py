"""Signing in with an OpenID Connect provider: who is let in, as whom, and with which rights."""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils.crypto import get_random_string

from dashboard.entrance.accounts import stop_with
from dashboard.settings.oidc import Oidc
from dashboard.views.frame import error_page
from deployments import intent
from teams import audit, tokens
from teams.models import ApiToken, SignIn
from teams.roles import Role

KIND = "openid_connect"
CONNECT = "connect"
STATE_CHARACTERS = 32
LEAVING = "oidc"
"""Where a session keeps what signing out at the provider needs."""


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """What allauth asks about the provider. There is the one of the settings, or none."""

    def list_apps(
        self,
        request: HttpRequest,  # noqa: ARG002
        provider: str | None = None,
        client_id: str | None = None,
    ) -> list[SocialApp]:
        """The provider is known by its issuer: another one knows other people by the same subject."""
        oidc: Oidc | None = settings.OIDC
        if (
            oidc is None
            or provider not in (None, KIND, oidc.issuer)
            or client_id not in (None, oidc.client_id)
        ):
            return []
        more = {"server_url": oidc.issuer, "scope": list(oidc.scopes), "oauth_pkce_enabled": True}
        return [
            SocialApp(
                provider=KIND,
                provider_id=oidc.issuer,
                name=oidc.name,
                client_id=oidc.client_id,
                secret=oidc.client_secret,
                settings=more,
            )
        ]

    def generate_state_param(self, state: dict[str, Any]) -> str:  # noqa: ARG002
        return get_random_string(STATE_CHARACTERS)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        return configured().create_accounts

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """The account with this e-mail address, where that is configured and the provider has proved it.

        Never an admin's, never one that the provider knows somebody else by, never one of several.
        """
        if not configured().link_verified_email or sociallogin.state.get("process") == CONNECT:
            return None
        email = proved_email(claims_of(sociallogin))
        if not email:
            return None
        found = User.objects.filter(email__iexact=email, service_account=None)[:2]
        if len(found) != 1 or found[0].is_superuser or SocialAccount.objects.filter(user=found[0]).exists():
            return None
        return found[0], email

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Checks that the answer is to this question, then gives the rights that the groups mean.

        Raises:
            PermissionDenied: the nonce is another one, or none.
        """
        claims = claims_of(sociallogin)
        _check_nonce(sociallogin)
        if sociallogin.state.get("process") == CONNECT:
            return
        if request.user.is_authenticated:
            get_account_adapter(request).logout(request)
        _remember_leaving(request)
        user = sociallogin.user
        if not sociallogin.is_existing:
            # Only a proved address may later lead somebody to this account.
            user.email, sociallogin.email_addresses = proved_email(claims), []
            if not self.is_open_for_signup(request, sociallogin):
                audit.refuse("", "sign in", _called(claims), why="The provider knows this person, we do not.")
                raise stop_with(_unknown_here(request))
        elif user.is_active:
            with transaction.atomic():
                if sociallogin._did_authenticate_by_email:  # noqa: SLF001 - allauth says it nowhere else
                    take_over(user)
                give_rights(user, claims)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        """A new account, with its rights, or nothing."""
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            audit.record(user.username, "create account", user.username, detail={"by": configured().issuer})
            give_rights(user, claims_of(sociallogin))
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,  # noqa: ARG002
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: object = None,  # noqa: ARG002
    ) -> None:
        """Says that it did not work, and nothing of why: what went wrong is in the audit."""
        why = f"{type(exception).__name__}: {exception}" if exception else f"The provider said {error}."
        audit.refuse("", "sign in", "with the provider", why=why[:300])
        raise stop_with(
            error_page(
                request,
                403,
                title="Signing in did not work",
                detail=f"{configured().name} did not confirm who you are, or the page was too old."
                " Nothing was changed: go back to the sign-in page and try again.",
            )
        )

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: object) -> str:  # noqa: ARG002
        return "/account/"


def configured() -> Oidc:
    """The provider of the settings. Raises: Http404: there is none."""
    oidc: Oidc | None = settings.OIDC
    if oidc is None:
        raise Http404
    return oidc


def claims_of(sociallogin: SocialLogin) -> Mapping[str, Any]:
    """What the provider says of a person; what its userinfo says, where both do."""
    data = sociallogin.account.extra_data
    return {**data.get("id_token", {}), **data.get("userinfo", {})}


def proved_email(claims: Mapping[str, Any]) -> str:
    """The e-mail address, if the provider says itself that it is the person's; else ""."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else ""


def groups_in(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The groups in the claim of this name, or at this path in it; none when there is no list of names."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    names = [found] if isinstance(found, str) else found
    return (
        frozenset(one for one in names if isinstance(one, str))
        if isinstance(names, Iterable)
        else frozenset()
    )


def give_rights(user: User, claims: Mapping[str, Any]) -> None:
    """Makes, changes and ends the memberships that come from groups; see `intent.apply_groups`."""
    oidc = configured()
    groups = groups_in(claims, oidc.groups_claim)
    places: dict[str, tuple[Role, str]] = {}
    for group in sorted(groups & oidc.places.keys()):
        for place in oidc.places[group]:
            known = places.get(place.team)
            if known is None or place.role.rank > known[0].rank:
                places[place.team] = (place.role, group)
    intent.apply_groups(user, places, admin_by=oidc.admin_group if oidc.admin_group in groups else "")


def take_over(user: User) -> None:
    """Whoever used the account before, and maybe only claimed the address, is out of it.

    allauth ends its password; tokens, second factors and sessions would outlive that.
    """
    tokens.revoke_all(ApiToken.objects.filter(user=user))
    Authenticator.objects.filter(user=user).delete()
    SignIn.objects.filter(user=user).delete()
    audit.record(user.username, "link account", user.username, detail={"by": "verified e-mail address"})


def _check_nonce(sociallogin: SocialLogin) -> None:
    asked = sociallogin.state.get("nonce") or ""
    answered = sociallogin.account.extra_data.get("id_token", {}).get("nonce") or ""
    if not asked or not hmac.compare_digest(str(asked).encode(), str(answered).encode()):
        raise PermissionDenied("the nonce is not the one that was sent")


def _remember_leaving(request: HttpRequest) -> None:
    request.session[LEAVING] = getattr(request, "oidc_leaving", None)


def way_out(kept: Mapping[str, str] | None, *, back: str) -> str:
    """Where signing out at the provider is asked for, and comes `back` from; "" when it offers none."""
    oidc: Oidc | None = settings.OIDC
    if oidc is None or not kept or not kept.get("end") or kept.get("issuer") != oidc.issuer:
        return ""
    query = {"client_id": oidc.client_id, "id_token_hint": kept["hint"], "post_logout_redirect_uri": back}
    return f"{kept['end']}{'&' if '?' in kept['end'] else '?'}{urlencode(query)}"


def _called(claims: Mapping[str, Any]) -> str:
    return str(claims.get("preferred_username") or claims.get("sub") or "")[:150]


def _unknown_here(request: HttpRequest) -> Any:
    return error_page(
        request,
        403,
        title="There is no account for you here",
        detail=f"{configured().name} knows you, this installation does not."
        " Ask a team lead for an invitation, or an admin.",
    )
