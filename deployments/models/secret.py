"""What is kept encrypted for workloads: values of secret variables, logins of registries.

The web side stores them with `deployments.sealing.seal_for_workers`, which it cannot
open again; workers open them while they write to a cluster.
"""

from django.db import models
from django.utils import timezone

from deployments.models.deployment import Deployment
from teams.models import Team


class SecretValue(models.Model):
    """One value that a secret variable has or had. Immutable: a new value is a new row with a new `ref`."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="secret_values")
    ref = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=253)
    sealed = models.TextField()
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} ({self.ref})"


class RegistryCredential(models.Model):
    """A team's login to a container registry, for instance "ghcr.io"."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="registry_credentials")
    registry = models.CharField(max_length=200)
    username = models.CharField(max_length=200)
    sealed_password = models.TextField()
    updated_by = models.CharField(max_length=150)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("registry",)
        constraints = (
            models.UniqueConstraint(fields=("team", "registry"), name="one_login_per_registry_and_team"),
        )

    def __str__(self) -> str:
        return self.registry


class SealingKey(models.Model):
    """The public half of the key pair that secrets are sealed with; one row, written by `prepare`.

    `public_key` is X25519, raw, in base64; the private half is derived from ENCRYPTION_KEY.
    """

    public_key = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.public_key
