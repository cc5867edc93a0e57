"""What Prometheus is asked for a chart: cAdvisor's words of containers, kube-state-metrics' of requests.

Figures are asked for in one query, told apart by the label `figure`, so that they are of one instant and a
chart waits once. They are sums over containers, each counted once however many scrape it.
"""

import json
import re
from dataclasses import dataclass

from deployments.models import Cluster, Deployment

FIGURE = "figure"
_EACH = "max by (namespace, pod, container)"
# Two scrapes of Prometheus's default minute; what is older is a gap.
_FRESH = "[2m]"
# Fifteen looks, one a minute, of a quarter of an hour that ends now.
_QUARTER = "[14m30s:1m]"
# Names of Kubernetes are cut so that they and a random suffix are 63 characters at most.
_LONGEST_BASE = 58
_SUFFIX = 5
_LONGEST_HASH = 10


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose pods: of a namespace, "" for all; `pods` is a pattern of their names, "" for any."""

    namespace: str = ""
    pods: str = ""

    def matchers(self) -> str:
        """As they follow other label matchers of a selector."""
        namespace = f",namespace={quoted(self.namespace)}" if self.namespace else ""
        return namespace + (f",pod=~{quoted(self.pods)}" if self.pods else "")


def quoted(text: str) -> str:
    """A string of PromQL, whose escapes are those of JSON, short of its surrogate pairs."""
    return json.dumps(text, ensure_ascii=False)


def scope_of(deployment: Deployment) -> Scope:
    """The pods of all its ReplicaSets, by the names that Kubernetes gives them: cAdvisor tells no labels."""
    name = re.escape(deployment.name)
    pattern = f"{name}-[a-z0-9]{{1,{_LONGEST_HASH}}}-[a-z0-9]{{{_SUFFIX}}}"
    left = _LONGEST_BASE - len(deployment.name) - 1
    if left <= _LONGEST_HASH:
        # The hash was cut, and with it the hyphen that follows.
        pattern += f"|{name}-[a-z0-9]{{{left + _SUFFIX}}}"
    return Scope(deployment.namespace, pattern)


def query_of(cluster: Cluster, scope: Scope, step_minutes: int) -> str:
    """Figures at the end of steps of 1 or 15 minutes: averages of a step, and `_peak` its largest minute."""
    figures = _figures(cluster, scope)
    if step_minutes > 1:
        used = {f"{name}_peak": figures[f"{name}_used"] for name in ("cpu", "memory")}
        figures = {name: f"avg_over_time(({what}){_QUARTER})" for name, what in figures.items()}
        figures |= {name: f"max_over_time(({what}){_QUARTER})" for name, what in used.items()}
    return " or ".join(
        f'label_replace({what}, "{FIGURE}", "{name}", "", "")' for name, what in figures.items()
    )


def _figures(cluster: Cluster, scope: Scope) -> dict[str, str]:
    """CPU in cores, memory in bytes. Containers without a name are whole pods and the system's groups."""
    of = f'{{container!~"|POD"{scope.matchers()}}}'
    memory = f"last_over_time(container_memory_working_set_bytes{of}{_FRESH})"
    figures = {
        "cpu_used": f"sum({_EACH} (rate(container_cpu_usage_seconds_total{of}{_FRESH})))",
        "memory_used": f"sum({_EACH} ({memory}))",
        "pods": f"count(group by (namespace, pod) ({memory}))",
    }
    gpu = re.sub(r"[^a-zA-Z0-9_]", "_", cluster.gpu_resource)
    for name, resource in (("cpu", "cpu"), ("memory", "memory"), ("gpu", gpu)):
        figures[f"{name}_requested"] = _requested(resource, scope)
    return figures


def _requested(resource: str, scope: Scope) -> str:
    """Of pods that hold what they request: those that have ended do not."""
    asked = f"kube_pod_container_resource_requests{{resource={quoted(resource)}{scope.matchers()}}}"
    phase = f'kube_pod_status_phase{{phase=~"Pending|Running"{scope.matchers()}}}'
    holding = f"(last_over_time({phase}{_FRESH}) == 1)"
    return f"sum({_EACH} (last_over_time({asked}{_FRESH}) and on (namespace, pod) {holding}))"
