"""What a provider sends, checked: its own description, ID tokens, what it says of a person."""

import json
from typing import Any
from urllib.parse import urlsplit

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest
from django.urls import reverse

from dashboard.entrance.provider import configured

# What a public key checks. Never what the token's own header asks for, which could be a shared secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
CLOCK_SECONDS = 60
"""How far the provider's clock may be from ours."""


class ProviderClient(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """allauth's client of a provider, which also checks signatures, subject and issuer."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, configured().issuer)

    @property
    def openid_config(self) -> dict[str, Any]:
        """Raises: OAuth2Error: it describes another provider than the one that was asked."""
        known: dict[str, Any] = super().openid_config
        if str(known.get("issuer", "")).rstrip("/") != configured().issuer:
            raise OAuth2Error("the provider calls itself by another issuer")
        return known

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:  # noqa: ARG002
        return request.build_absolute_uri(reverse("oidc-callback"))

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **more: Any
    ) -> SocialLogin:
        """Raises: OAuth2Error: an ID token is missing or not good, or userinfo is somebody else's."""
        text = more["response"].get("id_token")
        if not isinstance(text, str):
            raise OAuth2Error("the provider sent no ID token")
        claims = self._decode_id_token(app, text)
        data = {"id_token": claims}
        if self.openid_config.get("userinfo_endpoint"):
            told = self._fetch_user_info(token.token)
            if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
                raise OAuth2Error("userinfo is about somebody else")
            data["userinfo"] = told
        end = str(self.openid_config.get("end_session_endpoint") or "")
        request.oidc_leaving = {  # type: ignore[attr-defined]
            "issuer": configured().issuer,
            "hint": text,
            "end": end if urlsplit(end).scheme in ("http", "https") else "",
        }
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, data)
        return login

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        """The signature too, although the token came straight from the provider.

        Raises:
            OAuth2Error.
        """
        try:
            key = self._key_of(id_token)
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=list(ALGORITHMS),
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=CLOCK_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, KeyError) as exc:
            raise OAuth2Error(f"the ID token is not good: {exc}") from exc
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the ID token is for another client")
        return claims

    def _key_of(self, id_token: str) -> jwt.PyJWK:
        """The key that the token says it is signed with, among those that the provider publishes."""
        wanted = jwt.get_unverified_header(id_token).get("kid")
        keys = jwt.PyJWKSet.from_json(json.dumps(self._fetch(self.openid_config["jwks_uri"]))).keys
        for key in keys:
            if wanted is None or key.key_id == wanted:
                return key
        raise KeyError("no key of this id")

    def _fetch(self, address: str) -> Any:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address)
            answer.raise_for_status()
            return answer.json()
