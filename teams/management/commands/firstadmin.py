"""`manage.py firstadmin NAME`: an installation's first admin. The password is asked for, or read."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from teams import audit
from teams.management.commands.account import COMMAND_LINE


class Command(BaseCommand):
    help = "Make the first admin. Refuses when there is one, unless it is forced."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from stdin")
        parser.add_argument("--force", action="store_true", help="make another admin")

    def handle(self, *_args: Any, **options: Any) -> None:
        username: str = options["username"]
        self._refuse_if_there_is_one(force=options["force"])
        user = User(username=username, is_superuser=True, is_staff=True)
        password = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else _asked()
        try:
            user.full_clean(exclude=["password"])
            validate_password(password, user)
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        user.set_password(password)
        try:
            with transaction.atomic():
                self._refuse_if_there_is_one(force=options["force"])
                user.save()
                audit.record(COMMAND_LINE, "create account", username, after={"admin": True})
        except IntegrityError as exc:
            raise CommandError(f"There is an account {username!r} already.") from exc
        self.stdout.write(f"{username} is an admin. Sign in, then make teams and invite people.")

    def _refuse_if_there_is_one(self, *, force: bool) -> None:
        """Raises: CommandError."""
        known = User.objects.filter(is_superuser=True, is_active=True).first()
        if known is not None and not force:
            raise CommandError(f"There is an admin already, {known.username}. --force makes another one.")


def _asked() -> str:
    """Typed twice, unseen. Raises: CommandError: differently."""
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise CommandError("The two are not the same.")
    return password
