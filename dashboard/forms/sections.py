"""The parts of the form that are closed until somebody needs them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """`paths` are its fields, by the API's JSON path."""

    name: str
    title: str
    icon: str
    paths: tuple[str, ...]

    @property
    def template(self) -> str:
        return f"deployments/form_{self.name}.html"


SECTIONS = (
    Section(
        "scaling",
        "Scaling",
        "trending-up",
        (
            "scaling",
            "replicas",
            "autoscaling.min_replicas",
            "autoscaling.max_replicas",
            "autoscaling.target_cpu_percent",
            "autoscaling.target_memory_percent",
            "autoscaling.scale_down_seconds",
        ),
    ),
    Section(
        "resources",
        "Resources",
        "cpu",
        (
            "resources.cpu",
            "resources.memory",
            "resources.cpu_limit",
            "resources.memory_limit",
            "resources.gpu",
        ),
    ),
    Section("env", "Environment and secrets", "key", ("env",)),
    Section("network", "Network", "network", ("service.type", "service.port", "service.node_port")),
    Section("health", "Health", "activity", ("port", "health_path", "start_seconds")),
    Section("placement", "Nodes and registry", "server-2", ("node_preset", "registry")),
    Section("security", "Security", "shield-check", ("security.run_as_user", "security.read_only_root")),
    Section(
        "rollout",
        "Rollout",
        "refresh",
        (
            "rollout.strategy",
            "rollout.max_surge",
            "rollout.max_unavailable",
            "rollout.deadline_seconds",
            "rollout.auto_rollback",
            "change_cause",
        ),
    ),
)
_BY_PATH = {path: section.name for section in SECTIONS for path in section.paths}


def section_of(path: str) -> str:
    """The section in which the field of a JSON path is; "" when it is always in sight."""
    found = _BY_PATH.get(path) or _BY_PATH.get(path.partition("[")[0])
    if found:
        return found
    group = path.partition(".")[0]
    return next((name for known, name in _BY_PATH.items() if known.partition(".")[0] == group), "")


def summaries(values: Mapping[str, str], variables: int, secrets: int) -> dict[str, str]:
    """What each section is set to, in a few words beside its title."""
    return {
        "scaling": _scaling(values),
        "resources": _resources(values),
        "env": _environment(variables, secrets),
        "network": _network(values),
        "health": _health(values),
        "placement": _placement(values),
        "security": _security(values),
        "rollout": _rollout(values),
    }


def _scaling(values: Mapping[str, str]) -> str:
    if values.get("scaling") == "auto":
        least, most = values.get("autoscaling.min_replicas"), values.get("autoscaling.max_replicas")
        return f"{least or '?'} to {most or '?'} replicas, automatic"
    count = values.get("replicas") or "1"
    return f"{count} replica" if count == "1" else f"{count} replicas"


def _resources(values: Mapping[str, str]) -> str:
    names = {"cpu": "CPU", "memory": "memory", "cpu_limit": "CPU limit", "memory_limit": "memory limit"}
    names["gpu"] = "GPU"
    set_here = [
        f"{word} {text}" for key, word in names.items() if (text := values.get(f"resources.{key}", ""))
    ]
    return ", ".join(set_here) or "as the size says"


def _environment(variables: int, secrets: int) -> str:
    if not variables + secrets:
        return "none"
    words = [f"{variables} variable{'s' * (variables != 1)}"] if variables else []
    words += [f"{secrets} secret{'s' * (secrets != 1)}"] if secrets else []
    return ", ".join(words)


def _network(values: Mapping[str, str]) -> str:
    words = [values.get("service.type") or "ClusterIP"]
    if port := values.get("service.port"):
        words.append(f"port {port}")
    if (node_port := values.get("service.node_port")) and words[0] == "NodePort":
        words.append(f"node port {node_port}")
    return ", ".join(words)


def _health(values: Mapping[str, str]) -> str:
    port, path = values.get("port"), values.get("health_path")
    return f"port {port or 'of the version'}, {path or '/healthz'}"


def _placement(values: Mapping[str, str]) -> str:
    nodes = f"nodes {values['node_preset']}" if values.get("node_preset") else "any node"
    registry = values.get("registry") or ""
    return nodes if registry in {"", "-"} else f"{nodes}, login for {registry}"


def _security(values: Mapping[str, str]) -> str:
    user = values.get("security.run_as_user") or "1000"
    words = "as root" if user == "0" else f"as user {user}"
    return f"{words}, read-only root" if values.get("security.read_only_root") == "true" else words


def _rollout(values: Mapping[str, str]) -> str:
    stops = values.get("rollout.strategy") == "Recreate"
    words = "stops, then starts" if stops else "without a break"
    return f"{words}, rolls back by itself" if values.get("rollout.auto_rollback") == "true" else words
