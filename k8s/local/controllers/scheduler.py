"""The scheduler: gives each pod the node with the most room among those that fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from k8s.local.amounts import amount
from k8s.local.controllers.loop import Controller, key_of
from k8s.local.events import Events
from k8s.local.kubelet.status import set_condition
from k8s.local.selectors import Requirement
from k8s.local.store import Change, Key, Object, Store

MANAGER: Final = "kube-scheduler"
COMPONENT: Final = "default-scheduler"
Amounts = dict[str, Decimal]
#: (reason, whether evicting other pods could help)
Refusal = tuple[str, bool]
_OPERATORS: Final = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}


class Scheduler(Controller):
    """Binds pods to nodes; pods that fit nowhere are tried again when something has changed."""

    watches = ("pods", "nodes", "persistentvolumeclaims")

    def __init__(self, store: Store, events: Events) -> None:
        super().__init__(store)
        self._events = events
        #: What each node's pods ask for: by node, then by pod uid.
        self._asked: dict[str, dict[str, Amounts]] = {}
        self._used: dict[str, Amounts] = {}
        self._waiting: set[Key] = set()

    def initial(self) -> Iterable[Key]:
        pods = self.store.list("pods")
        for pod in pods:
            self._account(pod)
        return [key_of("pods", pod) for pod in pods if _unbound(pod)]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.key[0] == "nodes":
            # Heartbeats change nodes too; only what scheduling looks at matters.
            old = change.previous or {}
            if change.type == "MODIFIED" and _schedulable(old) == _schedulable(change.object):
                return []
            return list(self._waiting)
        if change.key[0] == "persistentvolumeclaims":
            return list(self._waiting)
        freed = self._account(change.object, gone=change.type == "DELETED")
        keys = list(self._waiting) if freed else []
        if change.type == "DELETED":
            self._waiting.discard(change.key)
        elif _unbound(change.object) and _spec_changed(change):
            keys.append(change.key)
        return keys

    def _account(self, pod: Object, *, gone: bool = False) -> bool:
        """Keep count of what is asked of each node; True when something has become free."""
        node, uid = pod["spec"].get("nodeName"), pod["metadata"]["uid"]
        if not node:
            return False
        asked = self._asked.setdefault(node, {})
        used = self._used.setdefault(node, {})
        over = gone or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if over and uid in asked:
            for name, value in asked.pop(uid).items():
                used[name] -= value
            return True
        if not over and uid not in asked:
            asked[uid] = requests(pod)
            for name, value in asked[uid].items():
                used[name] = used.get(name, Decimal(0)) + value
        return False

    def reconcile(self, key: Key) -> float | None:
        pod = self.store.find(*key)
        if pod is None or not _unbound(pod):
            self._waiting.discard(key)
            return None
        wants = requests(pod)
        nodes = self.store.list("nodes")
        missing = self._missing_claim(pod)
        if missing:
            self._waiting.add(key)
            told = f'persistentvolumeclaim "{missing}" not found. not found'
            self._refuse(pod, f"0/{len(nodes)} nodes are available: {told}")
            return None
        refusals: list[list[Refusal]] = []
        fitting: list[tuple[Decimal, str]] = []
        for node in nodes:
            name = node["metadata"]["name"]
            refused = _refuses(node, pod, wants, self._used.get(name, {}))
            if refused:
                refusals.append(refused)
            else:
                fitting.append((self._load(node, wants), name))
        if fitting:
            self._waiting.discard(key)
            self._bind(pod, min(fitting)[1])
        else:
            self._waiting.add(key)
            self._refuse(pod, unschedulable_message(len(nodes), refusals))
        return None

    def _missing_claim(self, pod: Object) -> str:
        """The first volume claim of the pod that does not exist; "" when there is none."""
        for volume in pod["spec"].get("volumes") or ():
            name: str = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
            if name and not self.store.find("persistentvolumeclaims", pod["metadata"]["namespace"], name):
                return name
        return ""

    def _load(self, node: Object, wants: Amounts) -> Decimal:
        """How full the node would be with the pod on it: 0 empty, 1 full; scarce resources are kept free."""
        allocatable, used = node["status"]["allocatable"], self._used.get(node["metadata"]["name"], {})
        shares = []
        for name in ("cpu", "memory", "pods"):
            total = amount(allocatable.get(name, "0"))
            if total:
                shares.append((used.get(name, Decimal(0)) + wants.get(name, Decimal(0))) / total)
        scarce = sum(1 for name in allocatable if "/" in name and name not in wants)
        return sum(shares, Decimal(0)) / (len(shares) or 1) + scarce

    def _bind(self, pod: Object, node: str) -> None:
        _, namespace, name = key_of("pods", pod)

        def change(new: Object) -> None:
            new["spec"]["nodeName"] = node
            set_condition(
                new.setdefault("status", {}),
                "PodScheduled",
                True,
                generation=new["metadata"].get("generation"),
            )

        bound = self.store.update("pods", namespace, name, change, manager=MANAGER)
        self._account(bound)
        told = f"Successfully assigned {namespace}/{name} to {node}"
        self._events.emit_once(bound, "Normal", "Scheduled", told, by=COMPONENT, action="Binding")

    def _refuse(self, pod: Object, told: str) -> None:
        _, namespace, name = key_of("pods", pod)

        def change(new: Object) -> None:
            status = new.setdefault("status", {})
            generation = new["metadata"].get("generation")
            status.setdefault("phase", "Pending")
            set_condition(status, "PodScheduled", False, "Unschedulable", told, generation)

        before = pod["metadata"]["resourceVersion"]
        after = self.store.update("pods", namespace, name, change, manager=MANAGER, subresource="status")
        if after["metadata"]["resourceVersion"] != before:
            self._events.emit_once(
                after, "Warning", "FailedScheduling", told, by=COMPONENT, action="Scheduling"
            )


def requests(pod: Object) -> Amounts:
    """What the pod asks of a node: the sum of its containers, or its biggest init container."""
    total: Amounts = {"pods": Decimal(1)}
    for container in pod["spec"]["containers"]:
        for name, text in _requests_of(container).items():
            total[name] = total.get(name, Decimal(0)) + amount(str(text))
    for container in pod["spec"].get("initContainers") or ():
        for name, text in _requests_of(container).items():
            total[name] = max(total.get(name, Decimal(0)), amount(str(text)))
    return total


def _requests_of(container: Object) -> dict[str, str]:
    resources = container.get("resources") or {}
    return {**(resources.get("limits") or {}), **(resources.get("requests") or {})}


def _refuses(node: Object, pod: Object, wants: Amounts, used: Amounts) -> list[Refusal]:
    """Why the pod cannot run there, in the order in which a real scheduler asks; empty when it can."""
    if node["spec"].get("unschedulable") and not _tolerates(pod, _CORDONED):
        return [("node(s) were unschedulable", False)]
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] in ("NoSchedule", "NoExecute") and not _tolerates(pod, taint):
            return [("node(s) had untolerated taint(s)", False)]
    if not _selected(node, pod["spec"]):
        return [("node(s) didn't match Pod's node affinity/selector", False)]
    allocatable = node.get("status", {}).get("allocatable") or {}
    refusals: list[Refusal] = []
    for name, wanted in wants.items():
        total = amount(str(allocatable.get(name, "0")))
        if wanted and used.get(name, Decimal(0)) + wanted > total:
            told = "Too many pods" if name == "pods" else f"Insufficient {name}"
            refusals.append((told, wanted <= total))
    return refusals


_CORDONED: Final = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def _tolerates(pod: Object, taint: dict[str, str]) -> bool:
    return any(tolerates(toleration, taint) for toleration in pod["spec"].get("tolerations") or ())


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether one toleration of a pod is for this taint of a node."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    key, operator = toleration.get("key", ""), toleration.get("operator", "Equal")
    if operator == "Exists":
        return key in ("", taint["key"])
    same = toleration.get("value", "") == taint.get("value", "")
    return bool(operator == "Equal" and key == taint["key"] and same)


def _selected(node: Object, spec: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    needed = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not needed:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        _all_match(term.get("matchExpressions"), labels) and _all_match(term.get("matchFields"), fields)
        for term in needed["nodeSelectorTerms"]
    )


def _all_match(expressions: list[Object] | None, labels: dict[str, str]) -> bool:
    return all(
        Requirement(one["key"], _OPERATORS[one["operator"]], frozenset(one.get("values") or ())).matches(
            labels
        )
        for one in expressions or ()
    )


def unschedulable_message(nodes: int, refusals: list[list[Refusal]]) -> str:
    """As a real scheduler says it, e.g. "0/3 nodes are available: 3 Insufficient cpu. ..."."""
    if not nodes:
        return "no nodes available to schedule pods"
    reasons = Counter(reason for refused in refusals for reason, _ in refused)
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    helpful = sum(all(might_help for _, might_help in refused) for refused in refusals)
    preemption = []
    if helpful:
        preemption.append(f"{helpful} No preemption victims found for incoming pod")
    if nodes - helpful:
        preemption.append(f"{nodes - helpful} Preemption is not helpful for scheduling")
    told = f"0/{nodes} nodes are available"
    return f"{told}: {listed}. no new claims to deallocate, preemption: {told}: {', '.join(preemption)}."


def _unbound(pod: Object) -> bool:
    return (
        not pod["spec"].get("nodeName")
        and pod["spec"].get("schedulerName", COMPONENT) == COMPONENT
        and "deletionTimestamp" not in pod["metadata"]
        and not pod["spec"].get("schedulingGates")
    )


def _spec_changed(change: Change) -> bool:
    return change.previous is None or change.previous["spec"] != change.object["spec"]


def _schedulable(node: Object) -> tuple[object, ...]:
    labels = node.get("metadata", {}).get("labels")
    return labels, node.get("spec"), node.get("status", {}).get("allocatable")
