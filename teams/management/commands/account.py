"""`manage.py account disable NAME`: nobody gets in with it any more, and its tokens and streams end."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from teams import audit, tokens
from teams.models import ApiToken, SignIn

COMMAND_LINE = "command line"


class Command(BaseCommand):
    help = "Disable an account, or enable it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["disable", "enable"])
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        active = options["action"] == "enable"
        with transaction.atomic():
            user = User.objects.select_for_update().filter(username=options["username"]).first()
            if user is None:
                raise CommandError(f"There is no account {options['username']!r}.")
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
