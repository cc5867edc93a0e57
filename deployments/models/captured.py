"""What is kept of containers that are gone."""

from django.db import models
from django.utils import timezone

from deployments.models.deployment import Deployment


class CapturedLog(models.Model):
    """The end of what a container wrote before it crashed; kept when its pod is gone.

    `run` is the container's count of restarts at its end, so that each end is kept once.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="captured_logs")
    pod = models.CharField(max_length=253)
    pod_uid = models.CharField(max_length=64)
    container = models.CharField(max_length=63)
    run = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)
    exit_code = models.IntegerField(null=True, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    text = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    captured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-captured_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("deployment", "pod_uid", "container", "run"), name="each_end_is_captured_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pod}/{self.container} run {self.run}"
