"""Counts that change by the clock."""

from django.db import models
from django.utils import timezone

from deployments.models.deployment import Deployment


class ScalingSchedule(models.Model):
    """At times of `cron`, in the team's time zone, sets the count, or the bounds of the autoscaler.

    Either `replicas` or both bounds are set. `next_at` is None while disabled or when
    there is no next time. `last_outcome` says in words what the last firing did.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="schedules")
    cron = models.CharField(max_length=100)
    replicas = models.PositiveIntegerField(null=True, blank=True)
    min_replicas = models.PositiveIntegerField(null=True, blank=True)
    max_replicas = models.PositiveIntegerField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_at = models.DateTimeField(null=True, blank=True)
    last_outcome = models.CharField(max_length=300, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.cron} of {self.deployment}"
