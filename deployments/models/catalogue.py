"""The catalogue: models and their versions."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from teams.models import Team


class Model(models.Model):
    """An ML model of a team. Its versions are what gets deployed.

    Deleted rows stay, out of sight: the history of deployments names them.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="ml_models")
    name = models.CharField(max_length=50)
    description = models.TextField(blank=True)
    task = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("team", "name"), condition=Q(deleted_at=None), name="one_model_name_per_team"
            ),
        )

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """A container image that serves one version of a model.

    `resources` and `sample_request` have the shapes of the REST contract. `env_schema`
    is [{"name", "description", "default", "required", "secret"}]: what a deployment of it
    may or must set. `links` is [{"title", "url"}]. `run_as_user` is the user id the image
    was built for, None when it does not matter. An archived version is not offered any
    more; what runs of it goes on.
    """

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="versions")
    version = models.CharField(max_length=60)
    image = models.CharField(max_length=400)
    digest = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  null in the REST contract
    framework = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    port = models.PositiveIntegerField(default=8080)
    health_path = models.CharField(max_length=200, default="/healthz")
    resources = models.JSONField(default=dict, blank=True)
    sample_request = models.JSONField(null=True, blank=True)
    env_schema = models.JSONField(default=list, blank=True)
    links = models.JSONField(default=list, blank=True)
    run_as_user = models.PositiveBigIntegerField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("model", "version"), condition=Q(deleted_at=None), name="one_version_per_model"
            ),
        )

    def __str__(self) -> str:
        return f"{self.model.name} {self.version}"
