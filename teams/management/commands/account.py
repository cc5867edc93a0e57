"""`manage.py account disable NAME`: nobody gets in with it any more, and its tokens and streams end.

`account forget-factors NAME` is for whoever has lost theirs: from then on the password is enough again.
"""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from teams import audit, tokens
from teams.models import ApiToken, SignIn

COMMAND_LINE = "command line"


class Command(BaseCommand):
    help = "Disable an account, enable it again, or end its second factors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["disable", "enable", "forget-factors"])
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["action"] == "forget-factors":
            self._forget_factors(options["username"])
            return
        active = options["action"] == "enable"
        with transaction.atomic():
            user = _locked(options["username"])
            if active and hasattr(user, "service_account"):
                raise CommandError("A service account that has ended stays so: make another one.")
            before = user.is_active
            user.is_active = active
            # Not `update`: open streams are told of what is saved.
            user.save(update_fields=["is_active"])
            if not active:
                SignIn.objects.filter(user=user).delete()
                # For good: enabled again, nobody knows any more who has them.
                tokens.revoke_all(ApiToken.objects.filter(user=user))
            audit.record(
                COMMAND_LINE,
                f"{options['action']} account",
                user.username,
                before={"active": before},
                after={"active": active},
            )
        self.stdout.write(f"{user.username} is {'enabled' if active else 'disabled'}.")

    def _forget_factors(self, username: str) -> None:
        with transaction.atomic():
            user = _locked(username)
            known = Authenticator.objects.filter(user=user)
            kinds = sorted(known.values_list("type", flat=True))
            known.delete()
            SignIn.objects.filter(user=user).delete()
            audit.record(COMMAND_LINE, "forget second factors", user.username, before={"kinds": kinds})
        self.stdout.write(f"{user.username} signs in with the password alone now.")


def _locked(username: str) -> User:
    """Raises: CommandError: there is no such account."""
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no account {username!r}.")
    return user
