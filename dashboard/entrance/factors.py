"""Second factors: how their secrets are stored, and what they are called."""

import base64
from functools import cache

from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.models import User

from deployments.errors import Conflict

UNREADABLE = (
    "The key of this installation has changed, so that your second factor cannot be read any more."
    " An admin can end it with `account forget-factors`, and you set up another one."
)
PRODUCT = "Timoneiro"
_PURPOSE = b"timoneiro second factors"


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets are encrypted with a key made from SECRET_KEY: a copy of the database gives no codes.

    Not with the key of the clusters' credentials, which the web tier does not have.
    """

    def encrypt(self, text: str) -> str:
        return _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises: Conflict: it was encrypted with a key that is not known any more."""
        box = _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        try:
            return box.decrypt(encrypted_text.encode()).decode()
        except InvalidToken as exc:
            raise Conflict(UNREADABLE) from exc

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        known = Authenticator.objects.filter(user=user, type=type).count()
        return "Passkey" if not known else f"Passkey {known + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        host = context.request.get_host()
        return {"id": host.partition(":")[0], "name": PRODUCT}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, object]:
        name = user.get_username()
        return {"id": user_pk_to_url_str(user).encode(), "display_name": name, "name": name}


@cache
def _box(*secrets: str) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return base64.urlsafe_b64encode(derived)
