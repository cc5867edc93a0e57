"""`Idempotency-Key`: the first answer to a write is kept for 24 hours and repeated.

It is kept encrypted: some answers hold a secret that is shown once.
"""

import base64
import hashlib
from datetime import timedelta

from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from deployments.api.problems import bad_parameter
from deployments.errors import Conflict, FieldError, InvalidInput
from deployments.models import IdempotencyRecord
from teams.models import ApiToken

_SALT = "deployments.api.idempotency 2"
_BODY_SALT = "deployments.api.idempotency body"
HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
# A write is held for at most 60 s (?wait); one that is older died with its process.
ABANDONED = timedelta(seconds=120)
REPEATED_HEADERS = ("Location", "ETag", "Content-Type", "Retry-After", "Cache-Control")


class Replay(Exception):
    """The write was done before; `response` is what was answered then."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class StillInProgress(Conflict):
    code = "idempotency_in_progress"
    title = "The first request with this key is still in progress"
    retry_after_seconds = 1


class Claim:
    """The right to do this write, held by one request."""

    def __init__(self, record: IdempotencyRecord) -> None:
        self._record = record

    def keep(self, response: HttpResponse) -> None:
        """Stores the answer. One that says "not now" is no answer: the same key may try again."""
        if response.status_code >= 500 or response.status_code == 429:
            self._record.delete()
            return
        self._record.status = response.status_code
        self._record.body = _box().encrypt(response.content).decode()
        self._record.headers = {name: response[name] for name in REPEATED_HEADERS if name in response}
        self._record.save(update_fields=["status", "body", "headers"])


def claim(request: Request) -> Claim | None:
    """None when the request carries no key, or only reads.

    Raises:
        Replay: it was answered before.
        StillInProgress: 409, it is being answered now.
        InvalidInput: 422, the key was used for another request, or is no key.
    """
    key = str(request.headers.get(HEADER, ""))
    if not key or request.method in SAFE_METHODS or not isinstance(request.user, User):
        return None
    if len(key) > 200 or not key.isprintable():
        raise bad_parameter(HEADER, "must be printable text of at most 200 characters")
    now = timezone.now()
    mine = IdempotencyRecord.objects.filter(user=request.user)
    mine.filter(created_at__lt=now - KEPT).delete()
    mine.filter(key=key, status=None, created_at__lt=now - ABANDONED).delete()
    record, created = IdempotencyRecord.objects.get_or_create(
        user=request.user, key=key, defaults={"fingerprint": _fingerprint(request)}
    )
    if created:
        return Claim(record)
    if record.fingerprint != _fingerprint(request):
        raise InvalidInput([FieldError(HEADER, "This key was used for another request.", "key_reused")])
    if record.status is None:
        raise StillInProgress("Ask again in a moment, with the same key.")
    body = _box().decrypt(record.body.encode())
    response = HttpResponse(body, status=record.status, headers=record.headers)
    response["Idempotency-Replayed"] = "true"
    raise Replay(response)


def keep_body(request: Request) -> None:
    """Keeps what a request with a key says: a session's check of its CSRF token reads it as a form."""
    if request.headers.get(HEADER):
        request._request.body  # noqa: B018, SLF001  reading it keeps it


def _fingerprint(request: Request) -> str:
    """What makes two requests the same: method, address, body, and the token or session that asks.

    An answer may hold what another token of the same person is not good for.

    Keyed, because bodies may hold secrets that a plain hash would let people guess.
    """
    plain = request._request  # noqa: SLF001 - DRF offers no other way to the unparsed body
    by = str(request.auth.pk) if isinstance(request.auth, ApiToken) else "session"
    parts = (request.method or "", plain.get_full_path(), hashlib.sha256(plain.body).hexdigest(), by)
    return salted_hmac(_SALT, "\n".join(parts), algorithm="sha256").hexdigest()


def _box() -> Fernet:
    """Of SECRET_KEY, which web processes have; a change of it is told by the fingerprint before."""
    key = salted_hmac(_BODY_SALT, "", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
