"""The forms about people and programs: a member, a service account, a token, where times are shown."""

from collections.abc import Sequence
from datetime import timedelta

from django.http import QueryDict
from django.utils import timezone

from dashboard.forms.deployment import as_number
from dashboard.forms.typed import TypedForm
from teams.models import Team
from teams.roles import Role, Scope

ROLES = [(role.value, role.value) for role in Role]
ACCOUNT_ROLES = ROLES[:2]
SCOPE_WORDS = {
    Scope.READ: "read: look, change nothing",
    Scope.DEPLOY: "deploy: look and deploy",
    Scope.ADMIN: "admin: also members, tokens and settings",
}
INVITED_FOR = [("1", "for a day"), ("7", "for a week"), ("30", "for 30 days")]
DAYS = [("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never")]


class MemberForm(TypedForm):
    @classmethod
    def typed(cls, data: QueryDict) -> "MemberForm":
        form = cls()
        form.read(data, ("username", "role"))
        return form

    @classmethod
    def blank(cls) -> "MemberForm":
        return cls(values={"username": "", "role": Role.VIEWER.value})


class InvitationForm(TypedForm):
    @classmethod
    def typed(cls, data: QueryDict) -> "InvitationForm":
        form = cls()
        form.read(data, ("invitee", "role", "days"))
        return form

    @classmethod
    def blank(cls) -> "InvitationForm":
        return cls(values={"invitee": "", "role": Role.VIEWER.value, "days": "7"})

    def payload(self) -> dict[str, object]:
        return {**self.values, "days": as_number(self.values["days"])}


class JoiningForm(TypedForm):
    """A new account's name and password. The password never comes back, not even after a mistake."""

    password: str = ""

    @classmethod
    def typed(cls, data: QueryDict) -> "JoiningForm":
        form = cls()
        form.read(data, ("username",))
        # As it was typed: a password may begin or end with a space.
        form.password = data.get("password", "")
        form.values["password"] = ""
        if form.password != data.get("again", ""):
            form.errors["again"] = ["This is not the same password."]
        return form

    @classmethod
    def blank(cls) -> "JoiningForm":
        return cls(values={"username": "", "password": "", "again": ""})

    def payload(self) -> dict[str, object]:
        return {"username": self.values["username"], "password": self.password}


class ServiceAccountForm(TypedForm):
    @classmethod
    def typed(cls, data: QueryDict) -> "ServiceAccountForm":
        form = cls()
        form.read(data, ("name", "role", "description"))
        return form

    @classmethod
    def blank(cls) -> "ServiceAccountForm":
        return cls(values={"name": "", "role": Role.DEPLOYER.value, "description": ""})


class TokenForm(TypedForm):
    """`scopes` is one: each scope but `admin` is part of the next. `expires_at` is in days from now."""

    @classmethod
    def typed(cls, data: QueryDict, *more: str) -> "TokenForm":
        """`more` names the field that says whose or for which team it is."""
        form = cls()
        form.read(data, ("name", "scopes", "expires_at", *more))
        return form

    @classmethod
    def blank(cls, **more: str) -> "TokenForm":
        return cls(values={"name": "", "scopes": Scope.READ.value, "expires_at": "90", **more})

    def payload(self) -> dict[str, object]:
        days = self.values["expires_at"]
        known = days in dict(DAYS)
        ends = timezone.now() + timedelta(days=int(days)) if known and days else None
        # What is no choice of ours goes to the domain as it is, which says what is wrong with it.
        expires_at = ends.isoformat() if ends else None if known else days
        rest = {name: text for name, text in self.values.items() if name not in ("expires_at", "scopes")}
        if not rest.get("team", "-"):
            del rest["team"]
        return {**rest, "scopes": [self.values["scopes"]], "expires_at": expires_at}


def scope_choices(scopes: Sequence[Scope]) -> list[tuple[str, str]]:
    return [(scope.value, SCOPE_WORDS[scope]) for scope in scopes]


def team_choices(teams: Sequence[Team]) -> list[tuple[str, str]]:
    return [("", "all my teams"), *((team.name, str(team)) for team in teams)]
