"""HorizontalPodAutoscalers: as many replicas as the measured use of CPU and memory asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from k8s.local.amounts import amount
from k8s.local.controllers.hpa_behavior import Memory, bounded, rules_of
from k8s.local.controllers.hpa_replicas import TOLERANCE, MetricProblem, Population, Proposal, propose
from k8s.local.controllers.loop import Controller, key_of
from k8s.local.errors import ApiError, BadRequest, NotFound
from k8s.local.events import Events
from k8s.local.kinds import BY_TYPE
from k8s.local.kubelet.usage import PodUsage
from k8s.local.selectors import selector_matches
from k8s.local.store import Change, Key, Object, Store, clone, timestamp

KIND: Final = "horizontalpodautoscalers.autoscaling"
MANAGER: Final = "kube-controller-manager"
COMPONENT: Final = "horizontal-pod-autoscaler"


@dataclass
class _Look:
    """One look at an autoscaler: what is said of it is collected in ``status``."""

    autoscaler: Object
    status: Object = field(default_factory=dict)

    def __post_init__(self) -> None:
        old = self.autoscaler.get("status") or {}
        self.status = {key: clone(old[key]) for key in ("conditions", "lastScaleTime") if key in old}
        self.status |= {"currentMetrics": None, "desiredReplicas": 0}

    def say(self, kind: str, holds: bool, reason: str, message: str) -> None:
        """Set a condition; its transition time moves only with its status."""
        conditions = self.status.setdefault("conditions", [])
        word = "True" if holds else "False"
        old = next((one for one in conditions if one["type"] == kind), None)
        since = old["lastTransitionTime"] if old and old["status"] == word else timestamp()
        new = {
            "type": kind,
            "status": word,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        if old is None:
            conditions.append(new)
        else:
            conditions[conditions.index(old)] = new


class AutoscalerController(Controller):
    """Looks at every autoscaler once a period, for the first time one period after it was made."""

    watches = (KIND,)

    def __init__(
        self,
        store: Store,
        events: Events,
        usage: Callable[[Object], PodUsage | None],
        *,
        period_seconds: float = 15.0,
    ) -> None:
        super().__init__(store)
        self._events = events
        self._usage = usage
        self._period = period_seconds
        self._memories: dict[str, Memory] = {}

    def initial(self) -> Iterable[Key]:
        return [key_of(KIND, one) for one in self.store.list(KIND)]

    def concerns(self, change: Change) -> Iterable[Key]:
        if change.type == "DELETED":
            self._memories.pop(change.object["metadata"]["uid"], None)
        elif change.type == "ADDED":
            self.queue.add_after(change.key, self._period)
        return []

    def reconcile(self, key: Key) -> float | None:
        autoscaler = self.store.find(*key)
        if autoscaler is None:
            return None
        look = _Look(autoscaler)
        try:
            self._judge(look)
        except ApiError as problem:
            told = f"the HPA controller was unable to get the target's current scale: {problem.message}"
            look.say("AbleToScale", False, "FailedGetScale", told)
            self._event(autoscaler, "Warning", "FailedGetScale", problem.message)
        self._store_status(key, look.status)
        return self._period

    def _judge(self, look: _Look) -> None:
        autoscaler = look.autoscaler
        kind, target = self._target(autoscaler)
        current = int(target.get("status", {}).get("replicas", 0))
        wished = int(target["spec"].get("replicas", 1))
        look.say(
            "AbleToScale",
            True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        )
        known = int((autoscaler.get("status") or {}).get("desiredReplicas", 0))
        look.status |= {"currentReplicas": current, "desiredReplicas": known}
        lowest = autoscaler["spec"].get("minReplicas", 1)
        highest = autoscaler["spec"]["maxReplicas"]
        why = ""
        if wished == 0 and lowest != 0:
            look.status["desiredReplicas"] = 0
            told = "scaling is disabled since the replica count of the target is zero"
            look.say("ScalingActive", False, "ScalingDisabled", told)
            return
        if wished > highest:
            desired, why = highest, "Current number of replicas above Spec.MaxReplicas"
        elif wished < lowest:
            desired, why = lowest, "Current number of replicas below Spec.MinReplicas"
        else:
            best = self._measured(look, target, wished)
            if best is None:
                return
            memory = self._memories.setdefault(autoscaler["metadata"]["uid"], Memory())
            desired, findings = bounded(autoscaler, memory, wished, best.replicas)
            for finding in findings:
                look.say(*finding)
            why = f"{best.name} above target" if desired > wished else "All metrics below target"
        look.status["desiredReplicas"] = desired
        if desired != wished:
            self._rescale(look, (kind, target), desired, why)

    def _target(self, autoscaler: Object) -> tuple[str, Object]:
        wanted, namespace = autoscaler["spec"]["scaleTargetRef"], autoscaler["metadata"]["namespace"]
        kind = BY_TYPE.get((wanted.get("apiVersion", ""), wanted["kind"]))
        if kind is None:
            raise BadRequest(f"no matches for kind {wanted['kind']!r} in group {wanted.get('apiVersion')!r}")
        if "scale" not in kind.subresources:
            raise NotFound(kind.plural, wanted["name"], kind.group)
        return kind.key, self.store.get(kind.key, namespace, wanted["name"])

    def _measured(self, look: _Look, target: Object, current: int) -> Proposal | None:
        """The highest proposal of all metrics; None when it cannot be known, which the status then tells."""
        autoscaler = look.autoscaler
        population = self._population(autoscaler, target, current)
        metrics = autoscaler["spec"].get("metrics") or []
        statuses: list[Object] = [{"type": ""} for _ in metrics]
        problems: list[tuple[str, MetricProblem]] = []
        best: Proposal | None = None
        for index, metric in enumerate(metrics):
            try:
                found = propose(metric, population)
            except MetricProblem as problem:
                self._event(autoscaler, "Warning", problem.reason, str(problem))
                problems.append(((metric.get("resource") or {}).get("name", ""), problem))
                continue
            statuses[index] = found.status
            if best is None or found.replicas > best.replicas:
                best = found
        look.status["currentMetrics"] = statuses
        # What is not known might ask for more: then nothing is taken away.
        if best is None or (problems and best.replicas < current):
            self._tell_problem(look, problems, len(metrics))
            return None
        told = f"the HPA was able to successfully calculate a replica count from {best.name}"
        look.say("ScalingActive", True, "ValidMetricFound", told)
        return best

    def _tell_problem(self, look: _Look, problems: list[tuple[str, MetricProblem]], metrics: int) -> None:
        if not problems:
            return
        resource, first = problems[0]
        told = f"the HPA was unable to compute the replica count: {first}"
        look.say("ScalingActive", False, first.reason, told)
        summary = (
            f"invalid metrics ({len(problems)} invalid out of {metrics}), first error is: "
            f"failed to get {resource} resource metric value: {first}"
        )
        self._event(look.autoscaler, "Warning", "FailedComputeMetricsReplicas", summary)

    def _population(self, autoscaler: Object, target: Object, current: int) -> Population:
        selector, namespace = target["spec"].get("selector"), target["metadata"]["namespace"]
        pods = [
            pod
            for pod in self.store.list("pods", namespace)
            if selector_matches(selector, pod["metadata"].get("labels"))
        ]
        up, down = rules_of(autoscaler)
        return Population(pods, current, self._usage, _tolerance(up), _tolerance(down))

    def _rescale(self, look: _Look, target: tuple[str, Object], desired: int, why: str) -> None:
        kind, obj = target
        before = int(obj["spec"].get("replicas", 1))

        def change(new: Object) -> None:
            new["spec"]["replicas"] = desired

        _, namespace, name = key_of(kind, obj)
        self.store.update(kind, namespace, name, change, manager=MANAGER, subresource="scale")
        memory = self._memories.setdefault(look.autoscaler["metadata"]["uid"], Memory())
        memory.changed(desired - before)
        told = f"the HPA controller was able to update the target scale to {desired}"
        look.say("AbleToScale", True, "SucceededRescale", told)
        look.status["lastScaleTime"] = timestamp()
        self._event(look.autoscaler, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {why}")

    def _event(self, autoscaler: Object, kind: str, reason: str, message: str) -> None:
        self._events.emit(autoscaler, kind, reason, message, by=COMPONENT)

    def _store_status(self, key: Key, status: Object) -> None:
        def change(new: Object) -> None:
            new["status"] = status

        self.store.update(*key, change, manager=MANAGER, subresource="status")


def _tolerance(rules: dict[str, Any]) -> float:
    asked = rules.get("tolerance")
    return TOLERANCE if asked is None else float(amount(str(asked)))
