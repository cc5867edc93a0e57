"""`manage.py token create --user NAME --scope SCOPE`: prints the token, and nothing else, on stdout."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from teams import audit
from teams.access import role_of
from teams.models import Team
from teams.roles import Scope
from teams.tokens import create_token, scopes_within


class Command(BaseCommand):
    help = "Make an API token. It is shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a token and print it")
        create.add_argument("--user", required=True)
        create.add_argument(
            "--scope", required=True, action="append", choices=[scope.value for scope in Scope], dest="scopes"
        )
        create.add_argument("--name", default="command line")
        create.add_argument("--team", help="limit the token to one team")
        create.add_argument("--days", type=int, help="days until it expires; never by default")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['user']!r}.")
        team = Team.objects.filter(name=options["team"]).first() if options["team"] else None
        if options["team"] and team is None:
            raise CommandError(f"There is no team {options['team']!r}.")
        expires_at = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        scopes = [Scope(scope) for scope in options["scopes"]]
        refuse_beyond_rights(user, team, scopes)
        token, row = create_token(user, options["name"], scopes, team=team, expires_at=expires_at)
        audit.record(
            user.username, "create token", row.name, detail={"scopes": row.scopes, "by": "command line"}
        )
        self.stdout.write(token)


def refuse_beyond_rights(user: User, team: Team | None, scopes: Sequence[Scope]) -> None:
    """A token made here is good for no more than one that this person makes themselves.

    Raises:
        CommandError.
    """
    if not user.is_active:
        raise CommandError(
            f"The account {user.username!r} is disabled; its tokens would be good for nothing."
        )
    if team is not None and role_of(user, team) is None:
        raise CommandError(f"{user.username!r} is not in team {team.name!r}.")
    may = scopes_within(user, team)
    beyond = [scope.value for scope in scopes if scope not in may]
    if beyond:
        of = f" of team {team.name}" if team else ""
        raise CommandError(
            f"A token{of} of {user.username!r} may have: {', '.join(may)}; not {', '.join(beyond)}."
        )
