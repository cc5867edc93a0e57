"""Clusters and the namespaces teams have in them."""

from django.db import models
from django.utils import timezone

from teams.models import Team

# What the local cluster's version ends with, as vendors mark theirs.
LOCAL_VERSION_SUFFIX = "+timoneiro"


class ClusterState(models.TextChoices):
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    DISCONNECTED = "disconnected"


class CostBasis(models.TextChoices):
    REQUESTED = "requested"
    USED = "used"
    LARGER = "larger"


class Cluster(models.Model):
    """A Kubernetes cluster.

    `credentials` is an encrypted kubeconfig, opened only by worker and observer; "" once it is
    disconnected. `insecure_tls`: an admin said that its certificate need not be verified.
    `node_address` is the host part of NodePort endpoints as people reach them.
    `seen_at` is when the observer last had word from it; `unreachable_since` is
    set while it has none. `gpu_resource` is what its nodes call a GPU. Prices are for an
    hour of one core, one GiB and one GPU, in `currency`; None is not known. `cost_basis` is what
    is paid for. `metrics_at` is when metrics.k8s.io last answered, `metrics_message` why it does not
    ("" while it does). `prometheus_url` is where charts may read instead, "" for nowhere.
    """

    name = models.SlugField(max_length=40, unique=True)
    credentials = models.TextField(blank=True)
    insecure_tls = models.BooleanField(default=False)
    node_address = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=12, choices=ClusterState.choices, default=ClusterState.UNKNOWN)
    version = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)
    gpu_resource = models.CharField(max_length=100, default="nvidia.com/gpu")
    price_cpu_hour = models.DecimalField(max_digits=12, decimal_places=5, null=True, blank=True)
    price_memory_gib_hour = models.DecimalField(max_digits=12, decimal_places=5, null=True, blank=True)
    price_gpu_hour = models.DecimalField(max_digits=12, decimal_places=5, null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    cost_basis = models.CharField(max_length=9, choices=CostBasis.choices, default=CostBasis.LARGER)
    prometheus_url = models.CharField(max_length=300, blank=True)
    metrics_at = models.DateTimeField(null=True, blank=True)
    metrics_message = models.TextField(blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def has_real_gpus(self) -> bool:
        """The local cluster counts GPUs as Kubernetes does, and has none."""
        return not self.is_local

    @property
    def is_local(self) -> bool:
        """Whether it is the local cluster, which keeps NetworkPolicies and enforces none."""
        return self.version.endswith(LOCAL_VERSION_SUFFIX)


class NodePreset(models.Model):
    """Nodes that people may ask for by name, for instance "a100".

    `node_selector` is labels a node must have; `tolerations` are `k8s.spec.Toleration` in JSON.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="node_presets")
    name = models.SlugField(max_length=40)
    description = models.CharField(max_length=200, blank=True)
    node_selector = models.JSONField(default=dict, blank=True)
    tolerations = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("cluster", "name"), name="one_node_preset_name_per_cluster"),
        )

    def __str__(self) -> str:
        return self.name


class SizePreset(models.Model):
    """A size offered by name. Quantities as `k8s.spec.Resources` has them; `gpu` is a count."""

    name = models.SlugField(max_length=40, unique=True)
    description = models.CharField(max_length=200, blank=True)
    cpu = models.CharField(max_length=30)
    memory = models.CharField(max_length=30)
    cpu_limit = models.CharField(max_length=30)
    memory_limit = models.CharField(max_length=30)
    gpu = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name


class Namespace(models.Model):
    """Where a team's objects live in a cluster.

    `isolated`: only its own pods and `ingress_from` may connect to its pods, by a NetworkPolicy; see
    `k8s.manifests.isolation` for what a source is. `applied_policy` is that policy's spec as it was
    written last, {} for none; `apply_error` why it could not be, and `retry_at` when to try again.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="namespaces")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="namespaces")
    name = models.CharField(max_length=63)
    isolated = models.BooleanField(default=False)
    ingress_from = models.JSONField(default=list, blank=True)
    applied_policy = models.JSONField(default=dict, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    apply_error = models.TextField(blank=True)
    apply_attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cluster", "name"), name="one_owner_per_namespace"),
            models.UniqueConstraint(fields=("cluster", "team"), name="one_namespace_per_team"),
        )

    def __str__(self) -> str:
        return self.name
