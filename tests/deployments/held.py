"""Nodes and pods as the observer leaves them, for tests of what is made of what they hold and use."""

import itertools

from django.utils import timezone

from deployments.models import Cluster, Deployment, Node, Pod, PodUsage
from k8s.quantities import bytes_, millicores

_numbers = itertools.count()


def a_node(
    cluster: Cluster,
    name: str,
    *,
    cpu: str = "4",
    memory: str = "8Gi",
    gpu: int = 0,
    used: tuple[str, str] | None = None,
    ready: bool = True,
    unschedulable: bool = False,
) -> Node:
    """A node that gives so much to pods; its machine has half a core, a GiB more. `used` is CPU, memory."""
    facts = {
        "uid": name,
        "name": name,
        "cpu_capacity": millicores(cpu) + 500,
        "memory_capacity": bytes_(memory) + bytes_("1Gi"),
        "unschedulable": unschedulable,
    }
    return Node.objects.create(
        cluster=cluster,
        uid=name,
        name=name,
        ready=ready,
        cpu_allocatable=millicores(cpu),
        memory_allocatable=bytes_(memory),
        gpu_allocatable=gpu,
        cpu_used=millicores(used[0]) if used else None,
        memory_used=bytes_(used[1]) if used else None,
        used_at=timezone.now() if used else None,
        facts=facts,
    )


def a_pod(
    owner: Deployment | Cluster,
    node: str,
    *,
    cpu: str = "1",
    memory: str = "1Gi",
    gpu: int = 0,
    limit: tuple[str, str] | None = None,
    used: tuple[str, str] | None = None,
    phase: str = "Running",
) -> Pod:
    """A pod of a deployment, or of nobody we know in a cluster."""
    number = next(_numbers)
    deployment = owner if isinstance(owner, Deployment) else None
    pod = Pod.objects.create(
        cluster=owner.cluster if isinstance(owner, Deployment) else owner,
        deployment=deployment,
        uid=f"held-{number}",
        namespace=deployment.namespace if deployment else "kube-system",
        name=f"{deployment.name if deployment else 'system'}-{number}",
        phase=phase,
        node=node,
        cpu_request=millicores(cpu),
        memory_request=bytes_(memory),
        gpu_request=gpu,
        cpu_limit=millicores(limit[0]) if limit else 0,
        memory_limit=bytes_(limit[1]) if limit else 0,
        facts={"uid": f"held-{number}", "name": "held"},
        created_at=timezone.now(),
    )
    if used:
        PodUsage.objects.create(pod=pod, cpu=millicores(used[0]), memory=bytes_(used[1]), at=timezone.now())
    return pod
