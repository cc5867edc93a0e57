"""What a person chooses about a deployment, typed. Stored as JSON in revisions; no free-form pod spec.

Field names and shapes are those of the REST contract.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]
Strategy = Literal["RollingUpdate", "Recreate"]


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
    """A variable. A secret one has no `value` here: `ref` names the stored, encrypted value.

    A value that is set anew gets another `ref`, so that revisions keep the value they had.
    """

    name: str
    value: str = ""
    secret: bool = False
    ref: str = ""


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an update replaces pods.

    `max_surge` and `max_unavailable` are pods above and below the wanted count, for
    RollingUpdate alone. After `deadline_seconds` without progress a rollout is stuck;
    `auto_rollback` then brings the newest revision back that has served.
    """

    strategy: Strategy = "RollingUpdate"
    max_surge: int = 1
    max_unavailable: int = 0
    deadline_seconds: int = 600
    auto_rollback: bool = False


class Security(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`run_as_user` is the user id of the process; 0 is root, which `restricted` namespaces refuse."""

    run_as_user: int = 1000
    read_only_root: bool = False


class Toleration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    operator: Literal["Equal", "Exists"] = "Exists"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


class Placement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The nodes an admin's preset selects, as it was when it was chosen."""

    preset: str
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()


class Autoscaling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds and targets of a HorizontalPodAutoscaler; at least one target is set.

    Targets are percent of the request, averaged over pods. `scale_down_seconds` is how
    long the need must have been lower before pods are taken away.
    """

    min_replicas: int = 1
    max_replicas: int
    target_cpu_percent: int | None = None
    target_memory_percent: int | None = None
    scale_down_seconds: int = 300


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One revision: everything that shapes the pods and their Service, except the count.

    `registry` names the registry whose credentials of the team pull the image, "" for none.
    `start_seconds` is how long a pod may take until it answers its health path.
    """

    model: str
    version: str
    image: str
    port: int
    health_path: str = "/healthz"
    start_seconds: int = 120
    resources: Resources = Resources()
    service: Service = Service()
    env: tuple[EnvVar, ...] = ()
    rollout: Rollout = Rollout()
    security: Security = Security()
    placement: Placement | None = None
    registry: str = ""


class PullCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """A login to a container registry. Never printed."""

    registry: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"PullCredentials(registry={self.registry!r})"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """All a worker needs to make the cluster match: identity, spec, count.

    `replicas` None leaves the count to the autoscaler; a paused deployment has 0 and no
    `autoscaling`. `restarted_at` is RFC 3339 text or None; a new value replaces every pod.
    """

    team: str
    name: str
    namespace: str
    revision: int
    replicas: int | None
    spec: Spec
    restarted_at: str | None = None
    change_cause: str = ""
    autoscaling: Autoscaling | None = None


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What a wish's Secret objects hold in clear: only a worker has it, only while it writes.

    `values` maps the keys of the Secret (`k8s.manifests.secret_key`) to text.
    """

    values: Mapping[str, str] = {}
    pull: PullCredentials | None = None

    def __repr__(self) -> str:
        return f"Secrets(keys={sorted(self.values)})"


PRESETS: dict[str, Resources] = {
    "small": Resources(cpu="100m", memory="128Mi", cpu_limit="500m", memory_limit="256Mi"),
    "medium": Resources(cpu="500m", memory="512Mi", cpu_limit="1", memory_limit="1Gi"),
    "large": Resources(cpu="2", memory="4Gi", cpu_limit="4", memory_limit="8Gi"),
    "gpu": Resources(cpu="2", memory="8Gi", cpu_limit="4", memory_limit="16Gi", gpu=1),
}
"""Sizes an installation starts with; admins change them afterwards."""
