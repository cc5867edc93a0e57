"""What an autoscaler sees and why it does what it does, in plain words. For pages and API alike."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from deployments import counts
from deployments.models import Deployment
from k8s.facts import AutoscalerFacts, Condition, MetricFacts
from k8s.spec import Autoscaling

_METRICS = {"cpu": "CPU", "memory": "memory"}


@dataclass(frozen=True, slots=True)
class ShownAutoscaler:
    """`decision` is its last one with the reason, in a sentence; `reason` is Kubernetes' own word.

    `troubled` says that it cannot decide or act at all. `desired_replicas` is what it asks for;
    0 until it has decided.
    """

    current_replicas: int
    desired_replicas: int
    last_scaled_at: datetime | None
    metrics: tuple[MetricFacts, ...]
    decision: str
    reason: str
    troubled: bool


def present_autoscaler(deployment: Deployment) -> ShownAutoscaler | None:
    """The observed autoscaler; None while there is none, or none has been seen yet."""
    bounds = counts.autoscaling_of(deployment)
    if bounds is None or deployment.paused_at or not deployment.autoscaler:
        return None
    facts = msgspec.convert(deployment.autoscaler, AutoscalerFacts)
    decision, reason, troubled = _decision(facts, bounds)
    return ShownAutoscaler(
        current_replicas=facts.current_replicas,
        desired_replicas=facts.desired_replicas,
        last_scaled_at=facts.last_scaled_at,
        metrics=facts.metrics,
        decision=decision,
        reason=reason,
        troubled=troubled,
    )


def _decision(facts: AutoscalerFacts, bounds: Autoscaling) -> tuple[str, str, bool]:
    """The sentence, Kubernetes' word, whether it is in trouble: what stops it comes before what limits it."""
    said: dict[str, Condition] = {condition.type: condition for condition in facts.conditions}
    active, able, limited = said.get("ScalingActive"), said.get("AbleToScale"), said.get("ScalingLimited")
    if active is not None and active.status == "False":
        return _words("It cannot decide yet", active), active.reason, True
    if able is not None and able.status == "False":
        return _words("It cannot set the count", able), able.reason, True
    if limited is not None and limited.holds and limited.reason == "TooManyReplicas":
        return f"More are needed, but {facts.max_replicas} is the most it may ask for.", limited.reason, False
    if limited is not None and limited.holds and limited.reason == "TooFewReplicas":
        return f"Fewer would do, but {facts.min_replicas} is the least it keeps.", limited.reason, False
    if able is not None and able.reason == "ScaleDownStabilized":
        waits = f"{bounds.scale_down_seconds} s"
        return f"Keeps the count: the need was higher within the last {waits}.", able.reason, False
    if facts.desired_replicas != facts.current_replicas:
        direction = "up" if facts.desired_replicas > facts.current_replicas else "down"
        why = f"Scales {direction} to {facts.desired_replicas}{_because(facts.metrics)}."
        return why, able.reason if able else "", False
    if able is None and active is None:
        return "It has not looked yet.", "", False
    return f"Keeps {facts.current_replicas}{_because(facts.metrics)}.", able.reason if able else "", False


def _because(metrics: tuple[MetricFacts, ...]) -> str:
    """The metric nearest to, or furthest above, its target."""
    known = [(one.current / one.target, one) for one in metrics if one.current is not None and one.target]
    if not known:
        return ""
    _, pressing = max(known, key=lambda pair: pair[0])
    metric = _METRICS.get(pressing.resource, pressing.resource)
    return f": {metric} is at {pressing.current} % of the request, the target is {pressing.target} %"


def _words(what: str, condition: Condition) -> str:
    return f"{what}: {condition.message or condition.reason}".rstrip(".") + "."
