"""Ending sessions of one's own in other browsers."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from deployments import nudges
from deployments.errors import NotFound
from deployments.selectors import sign_ins_of
from teams import audit
from teams.sessions import kept_key


def end_sign_in(sign_in: UUID, *, by: User) -> None:
    """Signs that browser out; its streams end, too. Raises: NotFound."""
    with transaction.atomic():
        row = sign_ins_of(by).filter(id=sign_in).first()
        if row is None:
            raise NotFound("You are not signed in there any more.")
        row.delete()
        audit.record(by.username, "end session", by.username, detail={"address_of_session": row.address})
        nudges.rights_changed()


def end_other_sign_ins(current: str | None, *, by: User) -> int:
    """Signs every browser out but the one with the session key `current`; how many there were."""
    with transaction.atomic():
        ended, _ = sign_ins_of(by).exclude(session_key=kept_key(current or "")).delete()
        audit.record(by.username, "end other sessions", by.username, detail={"sessions": ended})
        nudges.rights_changed()
    return ended
