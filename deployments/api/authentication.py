"""Bearer tokens."""

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from teams import audit, tokens
from teams.models import ApiToken


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer tim_...`. `request.auth` is the `ApiToken`."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        """None when another scheme is used, so that the session is tried.

        Raises:
            AuthenticationFailed: the header is not well formed, or the token is unknown, expired or revoked.
        """
        scheme, _, secret = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            text = secret.strip().decode("ascii")
        except UnicodeDecodeError as exc:
            raise AuthenticationFailed("The token is not valid.", code="invalid_token") from exc
        token = tokens.authenticate(text) if text else None
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(
                "The token is not valid: it is unknown, has expired or was revoked.", code="invalid_token"
            )
        audit.note_token(token.name)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        return 'Bearer realm="timoneiro"'
