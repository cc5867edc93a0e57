"""Rules for Deployments, ReplicaSets, Jobs and what scales and guards them."""

from __future__ import annotations

from typing import Any

from k8s.local.defaults import JOB_LABELS
from k8s.local.errors import Cause
from k8s.local.selectors import selector_matches
from k8s.local.store import Object
from k8s.local.validation import causes as say
from k8s.local.validation.pods import pod_spec


def deployment(obj: Object) -> list[Cause]:
    """A Deployment."""
    spec = obj.get("spec", {})
    found = say.at_least("spec.replicas", spec.get("replicas"))
    found += _selector_and_template(spec, "deployment")
    found += _strategy(spec.get("strategy", {}), "spec.strategy")
    found += say.at_least("spec.minReadySeconds", spec.get("minReadySeconds"))
    found += say.at_least("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        found += say.at_least("spec.progressDeadlineSeconds", deadline)
        if deadline <= spec.get("minReadySeconds", 0):
            found.append(
                say.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
            )
    return found


def replica_set(obj: Object) -> list[Cause]:
    """A ReplicaSet."""
    spec = obj.get("spec", {})
    found = say.at_least("spec.replicas", spec.get("replicas"))
    found += say.at_least("spec.minReadySeconds", spec.get("minReadySeconds"))
    return found + _selector_and_template(spec, "replica set")


def selector_is_kept(old: Object, new: Object) -> list[Cause]:
    """A workload's selector never changes."""
    wanted = new.get("spec", {}).get("selector")
    if old.get("spec", {}).get("selector") == wanted:
        return []
    return [say.invalid("spec.selector", wanted, "field is immutable")]


def _selector_and_template(spec: dict[str, Any], noun: str) -> list[Cause]:
    found: list[Cause] = []
    selector, template = spec.get("selector"), spec.get("template") or {}
    if selector is None:
        found.append(say.required("spec.selector"))
    else:
        found += _selector(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            found.append(say.invalid("spec.selector", selector, f"empty selector is invalid for {noun}"))
    labels = template.get("metadata", {}).get("labels", {})
    if selector and not found and not selector_matches(selector, labels):
        text = "`selector` does not match template `labels`"
        found.append(say.invalid("spec.template.metadata.labels", labels, text))
    found += say.labels("spec.template.metadata.labels", labels)
    pod = template.get("spec", {})
    found += pod_spec(pod, "spec.template.spec")
    if pod.get("restartPolicy") not in ("Always", None):
        found.append(say.unsupported("spec.template.spec.restartPolicy", pod["restartPolicy"], ["Always"]))
    return found


def _selector(selector: dict[str, Any], at: str) -> list[Cause]:
    found = say.labels(f"{at}.matchLabels", selector.get("matchLabels", {}))
    for index, each in enumerate(selector.get("matchExpressions", [])):
        here = f"{at}.matchExpressions[{index}]"
        operator, values = each.get("operator"), each.get("values")
        if operator in ("In", "NotIn"):
            if not values:
                why = "must be specified when `operator` is 'In' or 'NotIn'"
                found.append(say.required(f"{here}.values", why))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                found.append(say.forbidden(f"{here}.values", why))
        else:
            found.append(say.invalid(f"{here}.operator", operator, "not a valid selector operator"))
    return found


def _strategy(strategy: dict[str, Any], at: str) -> list[Cause]:
    kind = strategy.get("type")
    if kind == "Recreate":
        if "rollingUpdate" in strategy:
            why = "may not be specified when strategy `type` is 'Recreate'"
            return [say.forbidden(f"{at}.rollingUpdate", why)]
        return []
    if kind != "RollingUpdate":
        return [say.unsupported(f"{at}.type", kind, ("Recreate", "RollingUpdate"))]
    rolling = strategy.get("rollingUpdate", {})
    found: list[Cause] = []
    for name in ("maxUnavailable", "maxSurge"):
        found += _count_or_percent(f"{at}.rollingUpdate.{name}", rolling.get(name))
    if not found and _is_zero(rolling.get("maxUnavailable")) and _is_zero(rolling.get("maxSurge")):
        field = f"{at}.rollingUpdate.maxUnavailable"
        found.append(say.invalid(field, rolling.get("maxUnavailable"), "may not be 0 when `maxSurge` is 0"))
    return found


def _count_or_percent(field: str, value: Any) -> list[Cause]:
    if isinstance(value, int):
        return say.at_least(field, value)
    if not (isinstance(value, str) and value.endswith("%") and value[:-1].isdigit()):
        why = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
            "'93%', regex used for validation is '[0-9]+%')"
        )
        return [say.invalid(field, value, why)]
    if field.endswith("maxUnavailable") and int(value[:-1]) > 100:
        return [say.invalid(field, value, "must not be greater than 100%")]
    return []


def _is_zero(value: Any) -> bool:
    return value in (0, "0%")


def job(obj: Object) -> list[Cause]:
    """A Job."""
    spec = obj.get("spec", {})
    found: list[Cause] = []
    for name in (
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ):
        found += say.at_least(f"spec.{name}", spec.get(name))
    found += _job_mode(spec) + _job_selector(obj)
    pod = spec.get("template", {}).get("spec", {})
    found += pod_spec(pod, "spec.template.spec")
    policy = pod.get("restartPolicy")
    if policy not in ("Never", "OnFailure"):
        found.append(
            Cause(
                "FieldValueRequired",
                'Required value: valid values: "OnFailure", "Never"',
                "spec.template.spec.restartPolicy",
            )
            if not policy
            else say.unsupported("spec.template.spec.restartPolicy", policy, ("OnFailure", "Never"))
        )
    return found


def _job_mode(spec: dict[str, Any]) -> list[Cause]:
    modes = ("Indexed", "NonIndexed")
    found = say.one_of("spec.completionMode", spec.get("completionMode", "NonIndexed"), modes)
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        found.append(say.required("spec.completions", "when completion mode is Indexed"))
    policies = ("Failed", "TerminatingOrFailed")
    policy = spec.get("podReplacementPolicy", "Failed")
    return found + say.one_of("spec.podReplacementPolicy", policy, policies)


def _job_selector(obj: Object) -> list[Cause]:
    spec, selector = obj["spec"], obj["spec"].get("selector")
    if spec.get("manualSelector"):
        if selector is None:
            return [say.required("spec.selector")]
        labels = spec.get("template", {}).get("metadata", {}).get("labels", {})
        if selector_matches(selector, labels):
            return []
        text = "`selector` does not match template `labels`"
        return [say.invalid("spec.template.metadata.labels", labels, text)]
    generated = {"matchLabels": {f"{JOB_LABELS}controller-uid": obj["metadata"].get("uid")}}
    if selector == generated:
        return []
    return [say.invalid("spec.selector", selector, "`selector` not auto-generated")]


def job_update(old: Object, new: Object) -> list[Cause]:
    """A Job keeps what its pods are told apart and counted by, and its template unless it has not begun."""
    before, after = old["spec"], new["spec"]
    found = selector_is_kept(old, new)
    fixed = ["completionMode"]
    if after.get("completionMode") != "Indexed":
        fixed.append("completions")
    if not (before.get("suspend") and "startTime" not in old.get("status", {})):
        fixed.append("template")
    return found + [
        say.invalid(f"spec.{name}", after.get(name), "field is immutable")
        for name in fixed
        if before.get(name) != after.get(name)
    ]


def autoscaler(obj: Object) -> list[Cause]:
    """A HorizontalPodAutoscaler."""
    spec = obj.get("spec", {})
    lowest, highest = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    found = say.at_least("spec.minReplicas", lowest, 1)
    if highest < 1:
        found.append(say.invalid("spec.maxReplicas", highest, "must be greater than 0"))
    elif highest < lowest:
        why = "must be greater than or equal to `minReplicas`"
        found.append(say.invalid("spec.maxReplicas", highest, why))
    target = spec.get("scaleTargetRef", {})
    return found + [
        say.required(f"spec.scaleTargetRef.{key}") for key in ("kind", "name") if not target.get(key)
    ]


def disruption_budget(obj: Object) -> list[Cause]:
    """A PodDisruptionBudget."""
    spec = obj.get("spec", {})
    found: list[Cause] = []
    if "minAvailable" in spec and "maxUnavailable" in spec:
        why = "minAvailable and maxUnavailable cannot be both set"
        found.append(say.invalid("spec", spec, why))
    for name in ("minAvailable", "maxUnavailable"):
        if name in spec:
            found += _count_or_percent(f"spec.{name}", spec[name])
    return found
