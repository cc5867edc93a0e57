"""Deployments: the wish, its revisions, its operations, and the judgement shown to people."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from deployments.models.catalogue import ModelVersion
from deployments.models.cluster import Cluster
from teams.models import Team


class State(models.TextChoices):
    """Status words. `deleted` rows are history."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    RUNNING = "running"
    DEGRADED = "degraded"
    FAILED = "failed"
    PAUSED = "paused"
    DELETING = "deleting"
    UNKNOWN = "unknown"
    DELETED = "deleted"


class Deployment(models.Model):
    """A model being served.

    Wanted: `replicas`, `autoscaling`, `paused_at`, the newest revision's spec, `restarted_at`,
    `delete_requested_at`; `generation` counts wishes. `replicas` is the count that people
    or schedules set: it is kept while paused and while an autoscaler owns the count.
    Applied: `applied_generation`, and what the cluster answered (`cluster_generation`,
    `node_port`). Observed: `state` and the counts.
    A worker holds the row's lease while it applies.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="deployments")
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="deployments")
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=50)

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    replicas = models.PositiveIntegerField(default=1)
    revision = models.PositiveIntegerField(default=0)
    # The newest revision's spec again, so that lists need no join: k8s.spec.Spec in JSON.
    spec = models.JSONField(default=dict)
    # k8s.spec.Autoscaling in JSON; None while people own the count.
    autoscaling = models.JSONField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    restarted_at = models.DateTimeField(null=True, blank=True)
    delete_requested_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)

    applied_generation = models.PositiveIntegerField(default=0)
    applied_at = models.DateTimeField(null=True, blank=True)
    apply_error = models.TextField(blank=True)
    apply_attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    # The wish the cluster refused for good (403, 422): not sent again by itself.
    refused_generation = models.PositiveIntegerField(default=0)
    # Somebody else changed or removed our objects: the wish must be written again.
    drifted = models.BooleanField(default=False)
    # metadata.generation the cluster answered to our newest apply: a higher
    # one observed later is somebody else's hand.
    cluster_generation = models.BigIntegerField(default=0)
    # Optional kinds of object that we wrote and may have to take away again.
    applied_kinds = models.JSONField(default=list, blank=True)
    node_port = models.PositiveIntegerField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.UUIDField(null=True, blank=True)

    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    state_since = models.DateTimeField(default=timezone.now)
    message = models.TextField(blank=True)
    # The count that health is judged by: none while paused, an autoscaler's where it owns it.
    wanted_replicas = models.PositiveIntegerField(default=0)
    ready_replicas = models.PositiveIntegerField(default=0)
    updated_replicas = models.PositiveIntegerField(default=0)
    observed_at = models.DateTimeField(null=True, blank=True)
    # The observed Kubernetes Deployment as k8s.facts.DeploymentFacts, in JSON.
    facts = models.JSONField(null=True, blank=True)
    # Why it is not as it should be: k8s.diagnosis.Diagnosis in JSON; None when all is well.
    diagnosis = models.JSONField(null=True, blank=True)
    # The pod template whose address has answered its health path, and what it said if it did not.
    answered_template = models.CharField(max_length=20, blank=True)
    answer_problem = models.CharField(max_length=300, blank=True)
    # The observed HorizontalPodAutoscaler as k8s.facts.AutoscalerFacts, in JSON.
    autoscaler = models.JSONField(null=True, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("team", "name"),
                condition=Q(deleted_at=None),
                name="one_live_deployment_name_per_team",
            ),
            models.UniqueConstraint(
                fields=("cluster", "namespace", "name"),
                condition=Q(deleted_at=None),
                name="one_live_deployment_per_namespace",
            ),
        )
        indexes = (
            models.Index(fields=("cluster", "namespace", "name")),
            models.Index(fields=("state",)),
            models.Index(
                fields=("cluster", "team"), condition=Q(deleted_at=None), name="live_by_cluster_and_team"
            ),
            # A page of all of them is read in order, without sorting thousands for fifty.
            models.Index(fields=("name",), condition=Q(deleted_at=None), name="live_by_name"),
        )

    def __str__(self) -> str:
        return f"{self.team.name}/{self.name}"


class Revision(models.Model):
    """An immutable, numbered spec. `spec` is `k8s.spec.Spec` in JSON; the count is not part of it.

    `served_at` is when it was first seen running. `restores` is the number of the revision
    that a rollback brought back. `milestones` has when its rollout first came so far, by name:
    applied, scheduled, pulled, started, ready, answering (ISO 8601).
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.SET_NULL, related_name="revisions")
    summary = models.CharField(max_length=300)
    change_cause = models.CharField(max_length=300, blank=True)
    author = models.CharField(max_length=150)
    restores = models.PositiveIntegerField(null=True, blank=True)
    served_at = models.DateTimeField(null=True, blank=True)
    milestones = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("deployment", "number"), name="one_revision_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.deployment} revision {self.number}"


class OperationState(models.TextChoices):
    QUEUED = "queued"
    APPLYING = "applying"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"

    @classmethod
    def ended(cls) -> tuple["OperationState", ...]:
        return (cls.SUCCEEDED, cls.FAILED, cls.SUPERSEDED)


class Operation(models.Model):
    """One wish's journey: asked, applied, settled.

    `steps` is [{"name", "at", "detail"}]; `arguments` is what the action needs
    beyond the deployment's own row, for instance {"pod": "house-1"}; `error` is a
    problem of the REST contract.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="operations")
    action = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict, blank=True)
    generation = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=OperationState.choices, default=OperationState.QUEUED)
    steps = models.JSONField(default=list)
    error = models.JSONField(null=True, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("state", "created_at")),)

    def __str__(self) -> str:
        return f"{self.action} {self.id}"


class TimelineEntry(models.Model):
    """Something worth telling about a deployment: a wish, an apply, a change of state, a drift."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="timeline")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20)
    text = models.CharField(max_length=400)
    actor = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("deployment", "-at")),)

    def __str__(self) -> str:
        return self.text
