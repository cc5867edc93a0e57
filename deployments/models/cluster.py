"""Clusters and the namespaces teams have in them."""

from django.db import models
from django.utils import timezone

from teams.models import Team


class ClusterState(models.TextChoices):
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Cluster(models.Model):
    """A Kubernetes cluster.

    `credentials` is an encrypted kubeconfig, opened only by worker and observer.
    `node_address` is the host part of NodePort endpoints as people reach them.
    `seen_at` is when the observer last had word from it; `unreachable_since` is
    set while it has none.
    """

    name = models.SlugField(max_length=40, unique=True)
    credentials = models.TextField(blank=True)
    node_address = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=12, choices=ClusterState.choices, default=ClusterState.UNKNOWN)
    version = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Namespace(models.Model):
    """Where a team's objects live in a cluster."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="namespaces")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="namespaces")
    name = models.CharField(max_length=63)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cluster", "name"), name="one_owner_per_namespace"),
            models.UniqueConstraint(fields=("cluster", "team"), name="one_namespace_per_team"),
        )

    def __str__(self) -> str:
        return self.name
