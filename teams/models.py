"""Teams, memberships, service accounts, API tokens, sessions and the audit."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from teams.roles import Role
from teams.sessions import SignIn

__all__ = [
    "AdminByGroup",
    "ApiToken",
    "AuditEntry",
    "Invitation",
    "Membership",
    "ServiceAccount",
    "SignIn",
    "Team",
]


class Team(models.Model):
    """People who share deployments. `name` is the slug that paths use; `time_zone` an IANA name.

    An archived one is there for admins alone, who can bring it back; its name is not given again.
    """

    name = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=100, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.title or self.name


class Membership(models.Model):
    """Somebody's place in a team.

    Without `user` it is kept for whoever gets an account called `awaited`: a lead who names
    somebody learns nothing of who has an account here. `group` is the group of the provider
    that it comes from and ends with; "" when a person made it.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    awaited = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role])
    group = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "user"), name="one_role_per_team"),
            models.UniqueConstraint(
                fields=("team", "awaited"), condition=Q(user=None), name="one_role_per_awaited_name"
            ),
            models.CheckConstraint(
                condition=Q(user=None) ^ Q(awaited=""), name="a_member_is_known_or_awaited"
            ),
        )

    def __str__(self) -> str:
        return f"{self.username}: {self.role} of {self.team.name}"

    @property
    def username(self) -> str:
        return self.user.get_username() if self.user else self.awaited


class AdminByGroup(models.Model):
    """Somebody is an admin because of a group of the provider, and no longer than they are in it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="admin_by")
    group = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.user}: admin by {self.group}"


class Invitation(models.Model):
    """A link that lets one person into a team. Only its SHA-256 is stored, as of tokens.

    `invitee` is what the lead calls them, a name or an e-mail address. Open until it is used,
    revoked or over; then it stays for a while, so that its link is not taken for one that never was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    invitee = models.CharField(max_length=150)
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role])
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.CharField(max_length=150, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return f"{self.invitee}: {self.role} of {self.team.name}"


class ServiceAccount(models.Model):
    """A program of a team. `user` carries its role, tokens and name ("pricing:ci"); nobody signs in as it.

    An ended one stays, so that what it did keeps its name and the name is not given again.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="service_accounts")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_account"
    )
    name = models.SlugField(max_length=40)
    description = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("team", "name"), name="one_account_name_per_team"),)

    def __str__(self) -> str:
        return f"{self.team.name}:{self.name}"

    @property
    def role(self) -> str:
        """Of its one membership; "" once it has ended. No query where `user__memberships` is prefetched."""
        return next((place.role for place in self.user.memberships.all()), "")


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is stored (40 random characters need no slow hash)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who asked for what, when, from where, and with what outcome.

    Append-only: names are copied, not joined, and the database refuses to change or delete a
    row (see `teams.append_only`). `token` is the name of the token that was used, "" for a
    browser; `before` and `after` hold what differs, secrets masked.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=150)
    token = models.CharField(max_length=60, blank=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    team = models.CharField(max_length=40, blank=True, db_index=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200)
    allowed = models.BooleanField(default=True)
    detail = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=("team", "-at", "-id"), name="audit_of_team"),
            models.Index(fields=("target", "-at", "-id"), name="audit_of_target"),
        )

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}"
