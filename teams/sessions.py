"""Sessions that know whose they are: Django's own in a table of ours, named by SESSION_ENGINE."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from teams.receivers import BEGUN


class SignIn(AbstractBaseSession):
    """A session and whose it is: people see where they are signed in, and can end it there.

    `id` names it on pages: its key would let whoever reads it in. Without `user` nobody is signed in.
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


class SessionStore(DatabaseStore):
    """Django's store, writing the columns of `SignIn` beside the data."""

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
        return _with_beginning(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> SignIn:
        return _with_beginning(await super().acreate_model_instance(data), data)


def _with_beginning(row: AbstractBaseSession, data: Mapping[str, Any]) -> SignIn:
    assert isinstance(row, SignIn)  # noqa: S101 - our model is what the store makes
    begun = data.get(BEGUN)
    if begun and SESSION_KEY in data:
        row.user_id = int(data[SESSION_KEY])
        row.id = uuid.UUID(begun["id"])
        row.began_at = datetime.fromisoformat(begun["at"])
        row.address, row.browser = begun["address"], begun["browser"]
    return row
