"""What is kept encrypted: cluster credentials, secret values and logins of workloads.

Only worker, observer and preparation have the key. The web side seals what people
type with a public key, and cannot open it again.
"""

import base64

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from deployments.models import SealingKey

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO = b"timoneiro workload secret 1"
_DERIVE = b"timoneiro workload secrets, private key 1"
# No Fernet token begins so: those are URL-safe base64 of a byte 0x80.
_PREFIX = "hpke1:"


class SealBroken(Exception):
    """The stored text cannot be opened with our key, or there is no key."""


def seal(text: str) -> str:
    """Raises: SealBroken: there is no usable ENCRYPTION_KEY."""
    return _box().encrypt(text.encode()).decode()


def seal_for_workers(text: str) -> str:
    """Seals with the public key of the installation: needs no ENCRYPTION_KEY.

    Raises:
        SealBroken: nothing has prepared this installation yet.
    """
    sealed = _SUITE.encrypt(text.encode(), _public_key(), info=_INFO)
    return _PREFIX + base64.b64encode(sealed).decode()


def unseal(sealed: str) -> str:
    """Opens what either sealed. Raises: SealBroken."""
    try:
        if sealed.startswith(_PREFIX):
            raw = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
            return _SUITE.decrypt(raw, _private_key(), info=_INFO).decode()
        return _box().decrypt(sealed.encode()).decode()
    except (InvalidToken, InvalidTag, ValueError) as exc:
        raise SealBroken("what is stored was encrypted with another key") from exc


def ensure_sealing_key() -> None:
    """Writes the public key that belongs to ENCRYPTION_KEY; without one, leaves what is there.

    Raises:
        SealBroken: ENCRYPTION_KEY is not usable.
    """
    if not settings.ENCRYPTION_KEY:
        return
    public = base64.b64encode(_private_key().public_key().public_bytes_raw()).decode()
    if SealingKey.objects.filter(public_key=public).exists():
        return
    SealingKey.objects.all().delete()
    SealingKey.objects.create(public_key=public)


def _public_key() -> X25519PublicKey:
    row = SealingKey.objects.order_by("-pk").first()
    if row is not None:
        return X25519PublicKey.from_public_bytes(base64.b64decode(row.public_key))
    if not settings.ENCRYPTION_KEY:
        raise SealBroken("there is no key to seal with: `manage.py prepare` writes one")
    return _private_key().public_key()


def _private_key() -> X25519PrivateKey:
    _box()  # says what is wrong with the key, if anything
    key = base64.urlsafe_b64decode(settings.ENCRYPTION_KEY)
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_DERIVE).derive(key)
    return X25519PrivateKey.from_private_bytes(derived)


def _box() -> Fernet:
    if not settings.ENCRYPTION_KEY:
        raise SealBroken("this process has no ENCRYPTION_KEY")
    try:
        return Fernet(settings.ENCRYPTION_KEY)
    except ValueError as exc:
        raise SealBroken("ENCRYPTION_KEY is not 32 bytes in URL-safe base64") from exc
