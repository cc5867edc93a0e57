"""What differs between two specs, or two autoscalers, in words for lists and the timeline."""

from k8s.spec import Autoscaling, EnvVar, Spec

_LONGEST = 300


def describe_changes(old: Spec | None, new: Spec) -> str:
    """One line, for instance "version 1.0 -> 2.0; memory 128Mi -> 256Mi". Never a secret value."""
    if old is None:
        return f"{new.model} {new.version}"[:_LONGEST]
    parts = []
    if (old.model, old.version) != (new.model, new.version):
        before = old.version if old.model == new.model else f"{old.model} {old.version}"
        after = new.version if old.model == new.model else f"{new.model} {new.version}"
        parts.append(f"version {before} -> {after}")
    elif old.image != new.image:
        parts.append(f"image {old.image} -> {new.image}")
    before_each, after_each = _fields(old), _fields(new)
    parts += [
        f"{name} {before_each[name]} -> {after}"
        for name, after in after_each.items()
        if before_each[name] != after
    ]
    if old.placement != new.placement and _same_preset(old, new):
        parts.append("labels and tolerations of the nodes")
    parts += _environment(old, new)
    return ("; ".join(parts) or "no change")[:_LONGEST]


def describe_autoscaling(settings: Autoscaling | None) -> str:
    """For instance "Autoscaling from 1 to 6 replicas, CPU at 70 %"."""
    if settings is None:
        return "Autoscaling off"
    targets = [
        f"{name} at {target} %"
        for name, target in (("CPU", settings.target_cpu_percent), ("memory", settings.target_memory_percent))
        if target is not None
    ]
    return f"Autoscaling {bounds(settings.min_replicas, settings.max_replicas)}, {', '.join(targets)}"


def count(replicas: int) -> str:
    """For instance "1 replica"."""
    return f"{replicas} replica" if replicas == 1 else f"{replicas} replicas"


def bounds(least: int, most: int) -> str:
    """For instance "from 1 to 6 replicas"."""
    return f"from {least} to {count(most)}"


def _fields(spec: Spec) -> dict[str, object]:
    """What is told as "name before -> after", in this order."""
    return {
        "port": spec.port,
        "health path": spec.health_path,
        "seconds to start": spec.start_seconds,
        "service": spec.service.type,
        "service port": spec.service.port,
        "node port": spec.service.node_port or "automatic",
        "rollout": spec.rollout.strategy,
        "max surge": spec.rollout.max_surge,
        "max unavailable": spec.rollout.max_unavailable,
        "rollout deadline": f"{spec.rollout.deadline_seconds} s",
        "automatic rollback": _switch(spec.rollout.auto_rollback),
        "user id": spec.security.run_as_user,
        "read-only root": _switch(spec.security.read_only_root),
        "nodes": spec.placement.preset if spec.placement else "any",
        "registry login": spec.registry or "none",
        "CPU": spec.resources.cpu,
        "memory": spec.resources.memory,
        "CPU limit": spec.resources.cpu_limit,
        "memory limit": spec.resources.memory_limit,
        "GPU": spec.resources.gpu,
    }


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _environment(old: Spec, new: Spec) -> list[str]:
    before = {variable.name: variable for variable in old.env}
    after = {variable.name: variable for variable in new.env}
    # Names only: values may be nobody else's business.
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    parts = [
        f"{name} (secret) {_verb(before.get(name), after.get(name))}"
        for name in changed
        if _secret(before.get(name)) or _secret(after.get(name))
    ]
    clear = [name for name in changed if not (_secret(before.get(name)) or _secret(after.get(name)))]
    if clear:
        parts.insert(0, f"environment {', '.join(clear)}")
    if not changed and old.env != new.env:
        parts.append("order of environment")
    return parts


def _secret(variable: EnvVar | None) -> bool:
    return variable is not None and variable.secret


def _verb(before: EnvVar | None, after: EnvVar | None) -> str:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _same_preset(old: Spec, new: Spec) -> bool:
    return bool(old.placement and new.placement and old.placement.preset == new.placement.preset)
