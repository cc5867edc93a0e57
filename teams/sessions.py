"""Sessions that know whose they are: Django's own in a table of ours, named by SESSION_ENGINE."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from teams.receivers import BEGUN


class SignIn(AbstractBaseSession):
    """A session and whose it is: people see where they are signed in, and can end it there.

    `id` names it on pages. `session_key` is `kept_key` of the key that its browser has. Without `user`
    nobody is signed in.
    """

    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sign_ins"
    )
    began_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=45, blank=True)
    browser = models.CharField(max_length=200, blank=True)

    @classmethod
    def get_session_store_class(cls) -> "type[SessionStore]":
        return SessionStore


def kept_key(session_key: str) -> str:
    """What the table has of a key: whoever reads the database or a backup of it is not let in by that."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    """Django's store, writing the columns of `SignIn` beside the data, and no key as it is."""

    @classmethod
    def get_model_class(cls) -> type[SignIn]:
        return SignIn

    def cycle_key(self) -> None:
        """The row of the new key is there before the old one is gone: it needs an id of its own."""
        if BEGUN in self:
            self[BEGUN] = {**self[BEGUN], "id": str(uuid.uuid4())}
        super().cycle_key()

    async def acycle_key(self) -> None:
        if await self.ahas_key(BEGUN):
            begun = await self.aget(BEGUN)
            await self.aset(BEGUN, {**(begun or {}), "id": str(uuid.uuid4())})
        await super().acycle_key()

    def create_model_instance(self, data: dict[str, Any]) -> SignIn:
        return _to_keep(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> SignIn:
        return _to_keep(await super().acreate_model_instance(data), data)

    def exists(self, session_key: str) -> bool:
        return super().exists(kept_key(session_key))

    async def aexists(self, session_key: str) -> bool:
        return await super().aexists(kept_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        session_key = session_key or self.session_key
        if session_key is not None:
            super().delete(kept_key(session_key))

    async def adelete(self, session_key: str | None = None) -> None:
        session_key = session_key or self.session_key
        if session_key is not None:
            await super().adelete(kept_key(session_key))

    def _get_session_from_db(self) -> SignIn | None:
        row = self._kept().first()
        if row is None:
            self._session_key = None
        return row

    async def _aget_session_from_db(self) -> SignIn | None:
        row = await self._kept().afirst()
        if row is None:
            self._session_key = None
        return row

    def _kept(self) -> models.QuerySet[SignIn]:
        key = kept_key(self.session_key or "")
        return SignIn.objects.filter(session_key=key, expire_date__gt=timezone.now())


def _to_keep(row: AbstractBaseSession, data: Mapping[str, Any]) -> SignIn:
    assert isinstance(row, SignIn)  # noqa: S101 - our model is what the store makes
    row.session_key = kept_key(row.session_key)
    begun = data.get(BEGUN)
    if begun and SESSION_KEY in data:
        row.user_id = int(data[SESSION_KEY])
        row.id = uuid.UUID(begun["id"])
        row.began_at = datetime.fromisoformat(begun["at"])
        row.address, row.browser = begun["address"], begun["browser"]
    return row
