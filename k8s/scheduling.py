"""Whether pods would find a node, by the rules of the scheduler that can be told from facts. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from k8s.facts import NodeFacts, PodFacts
from k8s.quantities import bytes_, format_bytes, format_millicores, millicores
from k8s.spec import Placement, Resources, Toleration

_CORDONED: Final = "node.kubernetes.io/unschedulable=:NoSchedule"
# The third effect, PreferNoSchedule, keeps nobody away.
_REPELLING: Final = frozenset({"NoSchedule", "NoExecute"})


@dataclass(frozen=True, slots=True)
class _Free:
    """What no pod of a node has requested: millicores, bytes, pieces, pods (None where it does not say)."""

    cpu: int
    memory: int
    gpu: int
    pods: int | None


@dataclass(frozen=True, slots=True)
class Fit:
    """Where pods of a size would go.

    `nodes` have room for one, `total_fitting` pods find room on all of them together. The
    largest amounts free are each of one node that the pods may go to: millicores, bytes,
    pieces. `why_not` is a sentence where no node fits, else "".
    """

    nodes: tuple[str, ...]
    total_fitting: int
    largest_free_cpu: int
    largest_free_memory: int
    largest_free_gpu: int
    why_not: str = ""


def fits(
    resources: Resources,
    placement: Placement | None,
    gpu_resource: str,
    nodes: Sequence[NodeFacts],
    pods: Sequence[PodFacts],
) -> Fit:
    """Where pods that request `resources` fit beside `pods`; those that have ended hold nothing.

    `gpu_resource` is what the nodes call a GPU. Where only some pods of the cluster are known,
    there is less room than this says.

    Raises:
        ValueError: a request that is no quantity.
    """
    held = _by_node(pods)
    free = {node.name: _free_on(node, held.get(node.name, ()), gpu_resource) for node in nodes}
    barred = {node.name: _barrier(node, placement) for node in nodes}
    usable = [free[node.name] for node in nodes if not barred[node.name]]
    room = {name: 0 if barred[name] else _how_many(left, resources) for name, left in free.items()}
    return Fit(
        nodes=tuple(name for name, count in room.items() if count),
        total_fitting=sum(room.values()),
        largest_free_cpu=max((left.cpu for left in usable), default=0),
        largest_free_memory=max((left.memory for left in usable), default=0),
        largest_free_gpu=max((left.gpu for left in usable), default=0),
        why_not="" if any(room.values()) else _why_not(barred, usable, resources),
    )


def _by_node(pods: Sequence[PodFacts]) -> dict[str, list[PodFacts]]:
    held: dict[str, list[PodFacts]] = {}
    for pod in pods:
        if pod.node and pod.phase not in ("Succeeded", "Failed"):
            held.setdefault(pod.node, []).append(pod)
    return held


def _free_on(node: NodeFacts, held: Sequence[PodFacts], gpu_resource: str) -> _Free:
    return _Free(
        cpu=max(0, node.cpu_allocatable - sum(pod.cpu_request for pod in held)),
        memory=max(0, node.memory_allocatable - sum(pod.memory_request for pod in held)),
        gpu=max(0, node.gpu_allocatable.get(gpu_resource, 0) - sum(pod.gpu_request for pod in held)),
        pods=max(0, node.pods_allocatable - len(held)) if node.pods_allocatable else None,
    )


def tolerates(toleration: Toleration, taint: str) -> bool:
    """Whether a pod with the toleration may go where the taint ("key=value:effect") is.

    Source: Kubernetes documentation, "Taints and Tolerations".
    """
    named, _, effect = taint.rpartition(":")
    key, _, value = named.partition("=")
    if toleration.effect not in ("", effect):
        return False
    if toleration.operator == "Exists":
        return toleration.key in ("", key)
    return (toleration.key, toleration.value) == (key, value)


def _barrier(node: NodeFacts, placement: Placement | None) -> str:
    """Why no pod may go there whatever its size, "" where it may."""
    selector: Mapping[str, str] = placement.node_selector if placement else {}
    if not selector.items() <= node.labels.items():
        return "without the labels that the preset asks for"
    if not node.ready:
        return "not ready"
    tolerations = placement.tolerations if placement else ()
    for taint in (*node.taints, *([_CORDONED] if node.unschedulable else [])):
        if taint.rpartition(":")[2] not in _REPELLING or any(tolerates(t, taint) for t in tolerations):
            continue
        return "cordoned" if taint == _CORDONED else f"tainted {_written(taint)}"
    return ""


def _written(taint: str) -> str:
    key, _, effect = taint.rpartition(":")
    return f"{key.removesuffix('=')}:{effect}"


def _how_many(free: _Free, resources: Resources) -> int:
    asked = (
        (free.cpu, millicores(resources.cpu)),
        (free.memory, bytes_(resources.memory)),
        (free.gpu, resources.gpu),
        (free.pods, 1),
    )
    # What is not asked for limits nothing; a node that does not say how many pods it takes has always room.
    return min((left // each for left, each in asked if left is not None and each), default=1)


def _why_not(barred: Mapping[str, str], usable: Sequence[_Free], resources: Resources) -> str:
    if not barred:
        return "the cluster has no nodes"
    reasons = Counter(reason for reason in barred.values() if reason)
    if usable:
        reasons[_shortage(usable, resources)] = len(usable)
    told = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"none of {len(barred)} {'node' if len(barred) == 1 else 'nodes'} fits: {told}"


def _shortage(usable: Sequence[_Free], resources: Resources) -> str:
    amounts: tuple[tuple[str, int, int, Callable[[int], str]], ...] = (
        ("CPU", millicores(resources.cpu), max(left.cpu for left in usable), format_millicores),
        ("memory", bytes_(resources.memory), max(left.memory for left in usable), format_bytes),
        ("GPUs", resources.gpu, max(left.gpu for left in usable), str),
    )
    for what, asked, largest, written in amounts:
        if asked > largest:
            return f"too small (asked for {written(asked)} {what}, at most {written(largest)} free)"
    if all(left.pods == 0 for left in usable):
        return "with as many pods as they take"
    return "with enough of one thing free but too little of another"
