"""What a person chooses about a deployment, typed. Stored as JSON in revisions; no free-form pod spec.

Field names and shapes are those of the REST contract.
"""

from typing import Literal

import msgspec

ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


class Resources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests and limits as Kubernetes quantities; `gpu` is a count per replica."""

    cpu: str = "100m"
    memory: str = "128Mi"
    cpu_limit: str = "500m"
    memory_limit: str = "256Mi"
    gpu: int = 0


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the deployment is reached. `node_port` None lets the cluster choose."""

    type: ServiceType = "ClusterIP"
    port: int = 80
    node_port: int | None = None


class EnvVar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    value: str = ""


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pods above and below the wanted count that an update may cause."""

    max_surge: int = 1
    max_unavailable: int = 0


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One revision: everything that shapes the pods and their Service, except the count."""

    model: str
    version: str
    image: str
    port: int
    health_path: str = "/healthz"
    resources: Resources = Resources()
    service: Service = Service()
    env: tuple[EnvVar, ...] = ()
    rollout: Rollout = Rollout()


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """All a worker needs to make the cluster match: identity, spec, count.

    `restarted_at` is RFC 3339 text or None; a new value replaces every pod.
    """

    team: str
    name: str
    namespace: str
    revision: int
    replicas: int
    spec: Spec
    restarted_at: str | None = None
    change_cause: str = ""


PRESETS: dict[str, Resources] = {
    "small": Resources(cpu="100m", memory="128Mi", cpu_limit="500m", memory_limit="256Mi"),
    "medium": Resources(cpu="500m", memory="512Mi", cpu_limit="1", memory_limit="1Gi"),
    "large": Resources(cpu="2", memory="4Gi", cpu_limit="4", memory_limit="8Gi"),
    "gpu": Resources(cpu="2", memory="8Gi", cpu_limit="4", memory_limit="16Gi", gpu=1),
}
"""Sizes offered by name."""
