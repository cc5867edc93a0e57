"""What happened that people and programs want to be told of, and who was told."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from deployments.models.deployment import Deployment
from teams.models import Team


class Happening(models.Model):
    """Something worth telling, for instance "deployment.failed". Written with the change that it tells of.

    Its id is what receivers tell repeats by; `payload` is the body they get.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="happenings")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.CASCADE, related_name="happenings")
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=400)
    payload = models.JSONField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("team", "-at")),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class SeenHappenings(models.Model):
    """Until when a person has seen what happened: later ones are new to them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.user} until {self.until}"


class Webhook(models.Model):
    """An address that a team wants told. `events` lists kinds; `sealed_secret` signs what is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    events = models.JSONField(default=list)
    sealed_secret = models.TextField()
    enabled = models.BooleanField(default=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(models.Model):
    """One happening on its way to one webhook. `next_at` is when it is tried (again) while it waits."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    happening = models.ForeignKey(Happening, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveIntegerField(null=True, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("webhook", "happening"), name="each_webhook_is_told_once"),
        )
        indexes = (models.Index(fields=("state", "next_at")),)

    def __str__(self) -> str:
        return f"{self.happening_id} to {self.webhook_id}: {self.state}"
