"""What a cluster shows of a deployment, made for tests of the observer's side."""

from datetime import UTC, datetime

import msgspec

from deployments.models import Deployment
from deployments.selectors import wish_of
from k8s.facts import Condition, ContainerFacts, DeploymentFacts, PodFacts, PortFacts, ServiceFacts
from k8s.labels import INSTANCE, TEMPLATE
from k8s.manifests import template_fingerprint


def workload(
    row: Deployment, *, generation: int = 1, replicas: int | None = None, uid: str = "d"
) -> DeploymentFacts:
    """The Kubernetes Deployment of our row, seen by its controller."""
    return DeploymentFacts(
        uid=uid,
        name=row.name,
        namespace=row.namespace,
        generation=generation,
        observed_generation=generation,
        wanted_replicas=row.replicas if replicas is None else replicas,
        revision=row.revision,
        template=template_fingerprint(wish_of(row)),
    )


def pod(row: Deployment, number: int, *, ready: bool = True, crashes: int = 0) -> PodFacts:
    """One pod of the newest template."""
    condition = Condition(type="Ready", status="True" if ready else "False")
    container = ContainerFacts(
        name="server",
        ready=ready,
        restarts=crashes,
        state="terminated" if crashes else "running",
        exit_code=1 if crashes else None,
        reason="Error" if crashes else "",
    )
    return PodFacts(
        uid=f"{row.name}-{number}",
        name=f"{row.name}-abc-{number}",
        namespace=row.namespace,
        phase="Running",
        labels={INSTANCE: row.name, TEMPLATE: template_fingerprint(wish_of(row))},
        conditions=(condition,),
        containers=(container,),
        created_at=datetime.now(UTC),
    )


def ready_since(seen: PodFacts, at: datetime) -> PodFacts:
    """The same pod, ready since then."""
    return msgspec.structs.replace(seen, conditions=(Condition(type="Ready", status="True", since=at),))


def service(row: Deployment, *, node_port: int) -> ServiceFacts:
    """Its Service, with the port the cluster chose."""
    ports = (PortFacts(port=5001, node_port=node_port),)
    return ServiceFacts(uid="s", name=row.name, namespace=row.namespace, type="NodePort", ports=ports)
