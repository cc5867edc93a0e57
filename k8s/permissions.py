"""What Timoneiro needs to be allowed on a cluster: one table, for the report and for the Roles to paste.

A row is what one of our processes asks the API server for, and why; nothing is asked for with `*`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

Who = Literal["worker", "observer"]


@dataclass(frozen=True, slots=True)
class Need:
    """Verbs on one resource. `resource` may have a subresource: "deployments/scale".

    `everywhere` is for what no namespace holds, which a Role in a namespace cannot give.
    """

    who: Who
    resource: str
    verbs: tuple[str, ...]
    why: str
    group: str = ""
    everywhere: bool = False

    @property
    def name(self) -> str:
        """As kubectl writes it: "deployments.apps/scale"."""
        plural, slash, sub = self.resource.partition("/")
        return f"{plural}{'.' if self.group else ''}{self.group}{slash}{sub}"


_KEPT: Final = ("get", "create", "patch", "delete")
_SEEN: Final = ("list", "watch")

NEEDS: Final[tuple[Need, ...]] = (
    Need(
        "worker",
        "namespaces",
        ("create", "patch"),
        "a team's namespace is made when it is first needed",
        "",
        True,
    ),
    Need("worker", "deployments", ("list", *_KEPT), "what serves a model", "apps"),
    Need("worker", "deployments/scale", ("patch",), "the count of replicas", "apps"),
    Need("worker", "replicasets", ("list",), "to know when a deployment is gone", "apps"),
    Need("worker", "services", ("list", *_KEPT), "the address of a model"),
    Need(
        "worker",
        "services/proxy",
        ("get", "create", "update", "patch", "delete"),
        "to ask a model for an answer",
    ),
    Need("worker", "pods", ("list", "delete"), "to know when a deployment is gone; to delete one pod"),
    Need("worker", "pods/log", ("get",), "logs, and what crashed containers wrote"),
    Need(
        "worker",
        "secrets",
        _KEPT,
        "secret variables and registry logins; read by name alone, to see whose it is",
    ),
    Need("worker", "horizontalpodautoscalers", _KEPT, "autoscaling", "autoscaling"),
    Need("worker", "poddisruptionbudgets", _KEPT, "nodes are drained one replica at a time", "policy"),
    Need(
        "worker",
        "resourcequotas",
        ("list", *_KEPT),
        "quotas; what a preflight compares with",
    ),
    Need(
        "worker",
        "limitranges",
        ("list", *_KEPT),
        "bounds of a pod; defaults of foreign pods",
    ),
    Need(
        "worker",
        "networkpolicies",
        _KEPT,
        "who may connect to pods of a namespace, where an admin closes it",
        "networking.k8s.io",
    ),
    Need("observer", "deployments", _SEEN, "status", "apps"),
    Need("observer", "services", _SEEN, "node ports, and addresses that were taken away"),
    Need("observer", "horizontalpodautoscalers", _SEEN, "what autoscalers decide", "autoscaling"),
    Need("observer", "pods", _SEEN, "status, usage and room on nodes"),
    Need("observer", "pods/log", ("get",), "followed logs"),
    Need("observer", "events", _SEEN, "why something does not work"),
    Need("observer", "nodes", _SEEN, "room, lost nodes", "", True),
    Need("observer", "pods", ("list",), "CPU and memory in use", "metrics.k8s.io"),
    Need("observer", "nodes", ("list",), "CPU and memory in use", "metrics.k8s.io", True),
)


def roles(needs: Iterable[Need], *, name: str = "timoneiro") -> str:
    """YAML of a ClusterRole that allows `needs`, to paste and to edit; "" for none."""
    merged: dict[tuple[str, str], dict[str, None]] = {}
    for need in needs:
        merged.setdefault((need.group, need.resource), {}).update(dict.fromkeys(need.verbs))
    if not merged:
        return ""
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        for (group, resource), verbs in merged.items()
    ]
    role: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    return yaml.safe_dump(role, sort_keys=False)
