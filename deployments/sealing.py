"""What is kept encrypted: cluster credentials, secret values and logins of workloads.

Only worker, observer and preparation have the keys. The web side seals what people
type with a public key, and cannot open it again. Each sealed text names its key, so that
keys can be changed while the product runs (docs/keys.md).
"""

import base64
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

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
_ID_CHARACTERS = 8
# How sealed texts begin, before the id of their key. Those of earlier versions name none: "hpke1:",
# or a Fernet token, which begins with neither.
_PUBLIC, _SHARED = "hpke2:", "fernet2:"
_PUBLIC_WITHOUT_ID = "hpke1:"


class SealBroken(Exception):
    """The stored text cannot be opened with our keys, or there are none."""


@dataclass(frozen=True, slots=True)
class Key:
    """One of ENCRYPTION_KEY. `id` tells it from others, and says nothing of it."""

    id: str
    box: Fernet
    private: X25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()


def seal(text: str) -> str:
    """Raises: SealBroken: there is no usable ENCRYPTION_KEY."""
    key = writing_key()
    return f"{_SHARED}{key.id}:{key.box.encrypt(text.encode()).decode()}"


def seal_for_workers(text: str) -> str:
    """Seals with the public key of the installation: needs no ENCRYPTION_KEY.

    Raises:
        SealBroken: nothing has prepared this installation yet.
    """
    public = _public_key()
    sealed = _SUITE.encrypt(text.encode(), X25519PublicKey.from_public_bytes(public), info=_INFO)
    return f"{_PUBLIC}{_id_of(public)}:{base64.b64encode(sealed).decode()}"


def unseal(sealed: str) -> str:
    """Opens what either sealed, with whichever of our keys it takes. Raises: SealBroken."""
    keys = held_keys()
    named = key_id_of(sealed)
    for key in keys:
        if named not in ("", key.id):
            continue
        try:
            return _opened(sealed, key)
        except (InvalidToken, InvalidTag, ValueError):
            continue
    raise SealBroken("what is stored was encrypted with another key")


def key_id_of(sealed: str) -> str:
    """The id of the key that it was sealed with; "" when it does not say."""
    for prefix in (_PUBLIC, _SHARED):
        if sealed.startswith(prefix):
            return sealed.removeprefix(prefix).partition(":")[0]
    return ""


def beginnings_under(key_id: str) -> tuple[str, str]:
    """How texts begin that were sealed with this key."""
    return f"{_PUBLIC}{key_id}:", f"{_SHARED}{key_id}:"


def held_keys() -> tuple[Key, ...]:
    """Those of ENCRYPTION_KEY, in its order: the first is to be written with, the others still open.

    Raises:
        SealBroken: there is none, or one that is no key.
    """
    if not settings.ENCRYPTION_KEY:
        raise SealBroken("this process has no ENCRYPTION_KEY")
    return _read_keys(settings.ENCRYPTION_KEY)


def writing_key() -> Key:
    """The one that new texts are sealed with: whose public half is stored, until `use_first_key`.

    Raises:
        SealBroken.
    """
    keys, row = held_keys(), SealingKey.objects.order_by("-pk").first()
    stored = base64.b64decode(row.public_key) if row else b""
    return next((key for key in keys if key.public == stored), keys[0])


def ensure_sealing_key() -> None:
    """Stores a public key that we have the private half of; without ENCRYPTION_KEY, leaves what is there.

    One that is stored already stays while its key is held, wherever it stands in ENCRYPTION_KEY:
    another process, which has not been started anew, may not know the first one yet.

    Raises:
        SealBroken: ENCRYPTION_KEY is not usable.
    """
    if settings.ENCRYPTION_KEY:
        _store_public(writing_key())


def use_first_key() -> Key:
    """From now on new texts are sealed with the first of ENCRYPTION_KEY. Raises: SealBroken."""
    first = held_keys()[0]
    _store_public(first)
    return first


def _store_public(key: Key) -> None:
    public = base64.b64encode(key.public).decode()
    if SealingKey.objects.filter(public_key=public).exists():
        return
    SealingKey.objects.all().delete()
    SealingKey.objects.create(public_key=public)


def _public_key() -> bytes:
    row = SealingKey.objects.order_by("-pk").first()
    if row is not None:
        return base64.b64decode(row.public_key)
    if not settings.ENCRYPTION_KEY:
        raise SealBroken("there is no key to seal with: `manage.py prepare` writes one")
    return writing_key().public


def _opened(sealed: str, key: Key) -> str:
    """Raises: InvalidToken, InvalidTag, ValueError."""
    if sealed.startswith(_SHARED):
        return key.box.decrypt(sealed.rpartition(":")[2].encode()).decode()
    if sealed.startswith((_PUBLIC, _PUBLIC_WITHOUT_ID)):
        raw = base64.b64decode(sealed.rpartition(":")[2], validate=True)
        return _SUITE.decrypt(raw, key.private, info=_INFO).decode()
    return key.box.decrypt(sealed.encode()).decode()


def _id_of(public: bytes) -> str:
    return sha256(public).hexdigest()[:_ID_CHARACTERS]


@lru_cache(maxsize=8)
def _read_keys(setting: str) -> tuple[Key, ...]:
    return tuple(_read_key(text.strip()) for text in setting.split(",") if text.strip())


def _read_key(text: str) -> Key:
    try:
        box = Fernet(text)
    except ValueError as exc:
        raise SealBroken("ENCRYPTION_KEY is not 32 bytes in URL-safe base64") from exc
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_DERIVE).derive(
        base64.urlsafe_b64decode(text)
    )
    private = X25519PrivateKey.from_private_bytes(derived)
    return Key(_id_of(private.public_key().public_bytes_raw()), box, private)
