"""What was used: the newest word of metrics.k8s.io, and samples of it over time.

CPU is millicores, memory bytes, GPUs pieces. Times of samples are whole minutes since
1970-01-01 UTC, so that no daylight saving touches them.
"""

from django.db import models
from django.utils import timezone

from deployments.models.cluster import Cluster
from deployments.models.deployment import Deployment
from deployments.models.observed import Pod
from teams.models import Team


class PodUsage(models.Model):
    """What a pod used when it was last measured, at `at`, over a window that ended then."""

    pod = models.OneToOneField(Pod, primary_key=True, on_delete=models.CASCADE, related_name="usage")
    cpu = models.BigIntegerField()
    memory = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.pod_id}: {self.cpu}m {self.memory} B"


class SeriesKind(models.TextChoices):
    CLUSTER = "cluster"
    NODE = "node"
    TEAM = "team"
    DEPLOYMENT = "deployment"


class Series(models.Model):
    """Whose samples: a cluster, one of its nodes, a team in it, or a deployment.

    `key` is the node's name, the team's or the deployment's primary key, and "" for the cluster.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="series")
    kind = models.CharField(max_length=10, choices=SeriesKind.choices)
    key = models.CharField(max_length=253, blank=True)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="series")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.CASCADE, related_name="series")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cluster", "kind", "key"), name="one_series_per_subject"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Sample(models.Model):
    """Sums over the minutes of a step that were sampled, so that roll-ups add up exactly.

    `at` is the step's first minute. Of its minutes `minutes` were sampled, `used_minutes` of them
    with word of what was used; those not sampled are a gap, not zero. `cpu_requested`,
    `cpu_used`, `cpu_charged` (the larger of both, minute by minute), the same of memory,
    `gpu_requested` and `pods` are sums over those minutes: divided by `minutes` (what was
    used, by `used_minutes`) they are averages. `cpu_peak` and `memory_peak` are the largest minute's,
    `pod_cpu_peak` and `pod_memory_peak` the largest single pod's; None where nothing is known of use.
    """

    pk = models.CompositePrimaryKey("series_id", "at")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.IntegerField()
    minutes = models.SmallIntegerField(default=1)
    used_minutes = models.SmallIntegerField(default=0)
    pods = models.BigIntegerField(default=0)
    cpu_requested = models.BigIntegerField(default=0)
    cpu_used = models.BigIntegerField(default=0)
    cpu_charged = models.BigIntegerField(default=0)
    memory_requested = models.BigIntegerField(default=0)
    memory_used = models.BigIntegerField(default=0)
    memory_charged = models.BigIntegerField(default=0)
    gpu_requested = models.BigIntegerField(default=0)
    cpu_peak = models.BigIntegerField(null=True)
    memory_peak = models.BigIntegerField(null=True)
    pod_cpu_peak = models.BigIntegerField(null=True)
    pod_memory_peak = models.BigIntegerField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.minutes} min from {self.at}"


class MinuteSample(Sample):
    """One minute, kept 24 hours, and until it is added up."""


class QuarterSample(Sample):
    """Fifteen minutes, kept 32 days: a whole month is always there. The one that is now grows each minute."""


class DaySample(Sample):
    """A day of UTC, kept 2 years. Today's grows each quarter of an hour."""


class RollUp(models.Model):
    """How far minutes were added up to quarters, or quarters to days: steps that begin before `until`
    are final, and what they were made of may be forgotten."""

    step = models.CharField(max_length=10, primary_key=True, choices=(("quarter", "Quarter"), ("day", "Day")))
    until = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.step} until {self.until}"


class Quota(models.Model):
    """How much of a cluster a team may ask for: requests of all its replicas, replicas, deployments.

    None is no limit. The `ceiling_` is what admins set; the limit beside it is the team's own,
    within the ceiling. `generation` counts changes, `applied_generation` is the one a worker last
    wrote as a ResourceQuota and a LimitRange, at `applied_at`; `applied_hard` is what that ResourceQuota
    allowed ("requests.cpu": "4"), {} where there is none.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="quotas")
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="quotas")
    cpu = models.BigIntegerField(null=True, blank=True)
    memory = models.BigIntegerField(null=True, blank=True)
    gpu = models.PositiveIntegerField(null=True, blank=True)
    replicas = models.PositiveIntegerField(null=True, blank=True)
    deployments = models.PositiveIntegerField(null=True, blank=True)
    ceiling_cpu = models.BigIntegerField(null=True, blank=True)
    ceiling_memory = models.BigIntegerField(null=True, blank=True)
    ceiling_gpu = models.PositiveIntegerField(null=True, blank=True)
    ceiling_replicas = models.PositiveIntegerField(null=True, blank=True)
    ceiling_deployments = models.PositiveIntegerField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)
    applied_generation = models.PositiveIntegerField(default=0)
    applied_hard = models.JSONField(default=dict, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    apply_error = models.TextField(blank=True)
    apply_attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    updated_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "cluster"), name="one_quota_per_team_and_cluster"),
        )

    def __str__(self) -> str:
        return f"{self.team.name} in {self.cluster.name}"


class Sizing(models.Model):
    """What a deployment's replicas would do with, from up to 7 days of samples; refreshed hourly.

    `hours` is how much data there was. `cpu_p95`, `memory_max` are of the busiest replica; `cpu` and `memory`
    the suggested requests, None where there is nothing to suggest, for which `reason` is why. They are for
    `revision`: what was changed since is looked at again within the hour.
    `saving_hour` and `waste_hour` (requested and not used) are money of all replicas in an hour, None
    without prices. `idle_since` is set while nothing worth mention is computed; `gpu_percent` is known
    only from Prometheus.
    """

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="sizing")
    computed_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=0)
    hours = models.PositiveIntegerField(default=0)
    cpu_p95 = models.BigIntegerField(null=True, blank=True)
    memory_max = models.BigIntegerField(null=True, blank=True)
    cpu = models.BigIntegerField(null=True, blank=True)
    memory = models.BigIntegerField(null=True, blank=True)
    saving_hour = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    waste_hour = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    idle_since = models.DateTimeField(null=True, blank=True)
    gpu_percent = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.deployment}: {self.reason or 'suggested'}"


class MonthSums(models.Model):
    """What of a month's samples of a deployment was summed already, so that pages add up only the rest.

    `month` is its first minute, `until` the one before which everything is in; columns as those of samples.
    """

    series = models.OneToOneField(Series, primary_key=True, on_delete=models.CASCADE, related_name="+")
    month = models.IntegerField()
    until = models.IntegerField()
    minutes = models.IntegerField(default=0)
    used_minutes = models.IntegerField(default=0)
    cpu_requested = models.BigIntegerField(default=0)
    cpu_used = models.BigIntegerField(default=0)
    cpu_charged = models.BigIntegerField(default=0)
    memory_requested = models.BigIntegerField(default=0)
    memory_used = models.BigIntegerField(default=0)
    memory_charged = models.BigIntegerField(default=0)
    gpu_requested = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.minutes} min from {self.month} to {self.until}"
