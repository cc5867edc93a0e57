"""How much a pod holds of its node: its effective requests and limits, as the scheduler counts them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from k8s import raw
from k8s.quantities import bytes_, millicores, pieces

Held = dict[str, int]

_NAMES: Final = ("cpu_request", "memory_request", "gpu_request", "cpu_limit", "memory_limit")
_MOST: Final = 2**53
_MOST_GPUS: Final = 2**20
"""More than any node has. A pod may ask for more, and waits for ever; its amounts are still added up."""


def held_by(spec: raw.PodSpec) -> Held:
    """Millicores, bytes and GPUs requested by a pod, and its limits.

    Containers run together, and sidecars (init containers that are restarted always) beside them;
    other init containers run one after the other before, beside the sidecars that were started by
    then. What is said of the pod as a whole counts instead of its containers' sum; the overhead of its
    runtime comes on top. A container without a limit adds nothing to limits.

    Raises:
        ValueError: a quantity that is none.
    Source: Kubernetes documentation, "Resource sharing within containers" (init containers),
    "Pod overhead", "Pod-level resources".
    """
    beside = dict.fromkeys(_NAMES, 0)
    before = dict.fromkeys(_NAMES, 0)
    for container in spec.init_containers or ():
        amounts = _amounts(container.resources)
        alone = _plus(beside, amounts)
        if container.restart_policy == "Always":
            beside = alone
        before = {name: max(before[name], alone[name]) for name in _NAMES}
    together = beside
    for container in spec.containers or ():
        together = _plus(together, _amounts(container.resources))
    held = {name: max(together[name], before[name]) for name in _NAMES}
    held |= dict(_of_the_pod(spec.resources))
    if spec.overhead:
        extra = _amounts(raw.Resources(requests=spec.overhead, limits=spec.overhead))
        # What has no limit does not get one by its overhead.
        held = {
            name: held[name] + (extra[name] if held[name] or name.endswith("_request") else 0)
            for name in _NAMES
        }
    return {name: min(held[name], _MOST_GPUS if name == "gpu_request" else _MOST) for name in _NAMES}


def is_gpu(resource: str) -> bool:
    """Whether a resource's name, such as nvidia.com/gpu, counts GPUs, and not their memory or parts."""
    name = resource.partition("/")[2]
    return name == "gpu" or name.startswith("gpu.")


def _plus(one: Held, other: Held) -> Held:
    return {name: one[name] + other[name] for name in _NAMES}


def _of_the_pod(resources: raw.Resources | None) -> Iterator[tuple[str, int]]:
    if resources is None:
        return
    amounts = _amounts(resources)
    for part, given in (("request", resources.requests), ("limit", resources.limits)):
        for resource in ("cpu", "memory"):
            if given and resource in given:
                yield f"{resource}_{part}", amounts[f"{resource}_{part}"]


def _amounts(resources: raw.Resources | None) -> Held:
    requests = (resources and resources.requests) or {}
    limits = (resources and resources.limits) or {}
    return {
        "cpu_request": millicores(str(requests.get("cpu", "0"))),
        "memory_request": bytes_(str(requests.get("memory", "0"))),
        # Extended resources have requests equal to limits; only limits need be written.
        "gpu_request": _gpus(limits) or _gpus(requests),
        "cpu_limit": millicores(str(limits.get("cpu", "0"))),
        "memory_limit": bytes_(str(limits.get("memory", "0"))),
    }


def _gpus(amounts: Mapping[str, str | int | float]) -> int:
    return sum(pieces(str(value)) for name, value in amounts.items() if is_gpu(name))
