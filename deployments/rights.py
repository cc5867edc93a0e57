"""Accounts that are disabled and sessions that end, wherever that is done, end their streams at once."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from deployments import nudges

_SAYS_NOTHING = frozenset({"last_login"})


@receiver(post_save, sender=User)
def account_saved(created: bool, update_fields: Collection[str] | None = None, **_signal: Any) -> None:
    """A new account has no streams, and each sign-in writes when it was."""
    if not created and set(update_fields or ("all",)) - _SAYS_NOTHING:
        nudges.rights_changed()


@receiver(post_delete, sender=User)
@receiver(user_logged_out)
def account_gone(**_signal: Any) -> None:
    nudges.rights_changed()
