"""What differs between two specs, in words for lists and the timeline."""

from k8s.spec import Spec

_LONGEST = 300


def describe_changes(old: Spec | None, new: Spec) -> str:
    """One line, for instance "version 1.0 -> 2.0; memory 128Mi -> 256Mi"."""
    if old is None:
        return f"{new.model} {new.version}"[:_LONGEST]
    parts = []
    if (old.model, old.version) != (new.model, new.version):
        before = old.version if old.model == new.model else f"{old.model} {old.version}"
        after = new.version if old.model == new.model else f"{new.model} {new.version}"
        parts.append(f"version {before} -> {after}")
    elif old.image != new.image:
        parts.append(f"image {old.image} -> {new.image}")
    pairs = [
        ("port", old.port, new.port),
        ("health path", old.health_path, new.health_path),
        ("service", old.service.type, new.service.type),
        ("service port", old.service.port, new.service.port),
        ("node port", old.service.node_port or "automatic", new.service.node_port or "automatic"),
        ("max surge", old.rollout.max_surge, new.rollout.max_surge),
        ("max unavailable", old.rollout.max_unavailable, new.rollout.max_unavailable),
    ]
    for field in ("cpu", "memory", "cpu_limit", "memory_limit", "gpu"):
        name = field.replace("_", " ").replace("cpu", "CPU").replace("gpu", "GPU")
        pairs.append((name, getattr(old.resources, field), getattr(new.resources, field)))
    parts += [f"{name} {before} -> {after}" for name, before, after in pairs if before != after]
    if old.env != new.env:
        parts.append(_environment(old, new))
    return ("; ".join(parts) or "no change")[:_LONGEST]


def _environment(old: Spec, new: Spec) -> str:
    before = {variable.name: variable.value for variable in old.env}
    after = {variable.name: variable.value for variable in new.env}
    # Names only: values may be nobody else's business.
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return f"environment {', '.join(changed)}" if changed else "order of environment"
