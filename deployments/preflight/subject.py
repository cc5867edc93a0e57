"""What is being checked: a draft, and what there is of it already."""

from dataclasses import dataclass

import msgspec
from django.db.models import TextField
from django.db.models.functions import Cast

from deployments.models import Cluster, Deployment, Node, Pod
from deployments.models.observed import ENDED_PHASES
from k8s.facts import NodeFacts, PodFacts
from k8s.labels import INSTANCE
from k8s.spec import Resources, Wish


@dataclass(frozen=True, slots=True)
class Counts:
    """How many replicas there are at least, at most, and besides while pods are replaced."""

    least: int
    most: int
    surge: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """A wish before it is stored. `deployment` is None for a new one."""

    wish: Wish
    cluster: Cluster
    deployment: Deployment | None
    replaces_pods: bool

    @property
    def resources(self) -> Resources:
        return self.wish.spec.resources

    @property
    def counts(self) -> Counts:
        """`surge` counts only where no old pod goes before a new one has come."""
        rollout = self.wish.spec.rollout
        rolls = self.replaces_pods and rollout.strategy == "RollingUpdate" and not rollout.max_unavailable
        if self.wish.autoscaling is not None and self.wish.replicas is None:
            least, most = self.wish.autoscaling.min_replicas, self.wish.autoscaling.max_replicas
        else:
            least = most = self.wish.replicas or 0
        # One at a time is enough for a rollout to go on.
        return Counts(least, most, surge=1 if rolls and least else 0)


def nodes_of(cluster: Cluster) -> list[NodeFacts]:
    """Nodes as last seen."""
    rows = Node.objects.filter(cluster=cluster).annotate(text=Cast("facts", TextField()))
    return [msgspec.json.decode(text, type=NodeFacts) for text in rows.values_list("text", flat=True)]


def placed_pods_of(cluster: Cluster) -> list[PodFacts]:
    """Everybody's pods that take up room on a node, as last seen: whose, where, and what they hold."""
    rows = Pod.objects.filter(cluster=cluster).exclude(node="").exclude(phase__in=ENDED_PHASES)
    columns = ("node", "namespace", "name", "cpu_request", "memory_request", "gpu_request")
    # Columns, not whole facts: there may be ten thousand of them.
    return [
        PodFacts(
            uid="",
            node=node,
            namespace=namespace,
            name=name,
            labels={INSTANCE: deployment} if deployment else {},
            phase="Running",
            cpu_request=cpu,
            memory_request=memory,
            gpu_request=gpu,
        )
        for deployment, node, namespace, name, cpu, memory, gpu in rows.order_by().values_list(
            "deployment__name", *columns
        )
    ]


def pods_held_by(deployment: Deployment | None) -> list[PodFacts]:
    """The deployment's own pods that count against quotas and nodes."""
    if deployment is None:
        return []
    rows = Pod.objects.filter(deployment=deployment).exclude(phase__in=ENDED_PHASES)
    return [msgspec.convert(facts, PodFacts) for facts in rows.values_list("facts", flat=True)]
