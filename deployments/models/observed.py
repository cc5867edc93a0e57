"""What the observer saw: pods, nodes, events. Rewritten freely; Kubernetes is the truth about them."""

from django.db import models

from deployments.models.cluster import Cluster
from deployments.models.deployment import Deployment

ENDED_PHASES = frozenset({"Succeeded", "Failed"})
"""Of pods that hold nothing any more."""


class Pod(models.Model):
    """A pod of a deployment of ours, or of nobody's (`deployment` null, kept for usage).

    `facts` is `k8s.facts.PodFacts` in JSON, {} of a pod that is not ours; the columns are what lists
    show, sort by and add up. CPU is millicores, memory bytes, GPUs pieces.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="pods")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.CASCADE, related_name="pods")
    uid = models.CharField(max_length=64)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    phase = models.CharField(max_length=20)
    ready = models.BooleanField(default=False)
    restarts = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=100, blank=True)
    node = models.CharField(max_length=253, blank=True)
    # The newest revision of this pod's template, 0 until it was seen to be the deployment's.
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(null=True)
    deleting = models.BooleanField(default=False)
    cpu_request = models.BigIntegerField(default=0)
    memory_request = models.BigIntegerField(default=0)
    gpu_request = models.PositiveIntegerField(default=0)
    cpu_limit = models.BigIntegerField(default=0)
    memory_limit = models.BigIntegerField(default=0)
    facts = models.JSONField()

    class Meta:
        ordering = ("created_at", "name")
        constraints = (models.UniqueConstraint(fields=("cluster", "uid"), name="one_row_per_pod"),)
        indexes = (
            models.Index(fields=("cluster", "namespace", "name")),
            # Whole, so that adding up what pods hold reads this and not the wide rows.
            models.Index(
                fields=(
                    "cluster",
                    "node",
                    "phase",
                    "deployment",
                    "cpu_request",
                    "memory_request",
                    "gpu_request",
                ),
                name="held_by_node",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """A node. CPU in millicores, memory in bytes; `facts` is `k8s.facts.NodeFacts` in JSON.

    `cpu_used` and `memory_used` are as last measured, at `used_at`; None before that.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    uid = models.CharField(max_length=64)
    name = models.CharField(max_length=253)
    ready = models.BooleanField(default=False)
    cpu_allocatable = models.BigIntegerField(default=0)
    memory_allocatable = models.BigIntegerField(default=0)
    gpu_allocatable = models.PositiveIntegerField(default=0)
    cpu_used = models.BigIntegerField(null=True)
    memory_used = models.BigIntegerField(null=True)
    used_at = models.DateTimeField(null=True)
    facts = models.JSONField()

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("cluster", "uid"), name="one_row_per_node"),)

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """A Kubernetes event about an object of a deployment, repeats folded by the cluster into `count`."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="events")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.CASCADE, related_name="events")
    uid = models.CharField(max_length=64)
    type = models.CharField(max_length=20)
    reason = models.CharField(max_length=100)
    message = models.TextField()
    object_kind = models.CharField(max_length=60)
    object_name = models.CharField(max_length=253)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (models.UniqueConstraint(fields=("cluster", "uid"), name="one_row_per_event"),)
        indexes = (models.Index(fields=("deployment", "-last_at")),)

    def __str__(self) -> str:
        return f"{self.reason} {self.object_kind}/{self.object_name}"
