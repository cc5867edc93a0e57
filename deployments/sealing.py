"""Cluster credentials at rest: encrypted with a key that only worker, observer and preparation have."""

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class SealBroken(Exception):
    """The stored text cannot be opened with our key, or there is no key."""


def seal(text: str) -> str:
    """Raises: SealBroken: there is no usable ENCRYPTION_KEY."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises: SealBroken."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as exc:
        raise SealBroken("the stored credentials were encrypted with another key") from exc


def _box() -> Fernet:
    if not settings.ENCRYPTION_KEY:
        raise SealBroken("this process has no ENCRYPTION_KEY")
    try:
        return Fernet(settings.ENCRYPTION_KEY)
    except ValueError as exc:
        raise SealBroken("ENCRYPTION_KEY is not 32 bytes in URL-safe base64") from exc
