"""Rules about pods that find no node, or that the cluster does not let exist."""

import re
from typing import Any, Final

import msgspec

from k8s.diagnosis.case import Case, Evidence, Finding, Fix
from k8s.diagnosis.containers import change, roll_back, told
from k8s.facts import Condition, PodFacts
from k8s.quantities import bytes_, format_bytes, format_millicores, millicores
from k8s.scheduling import Fit, fits

_SHORT_OF = re.compile(r"Insufficient (?P<what>[^\s,.]+(?:\.[a-z]+/[^\s,.]+)?)")
_BARRED = re.compile(r"taint|didn't match Pod's node (?:affinity|selector)|unschedulable")
_QUOTA = re.compile(r"exceeded quota: .*", re.S)
_BOUNDS = re.compile(r"(?:maximum|minimum|max limit|min request)\b.*? (?:per|usage).*", re.S)
_SECURITY = re.compile(r"violates PodSecurity \"[^\"]*\": (?P<why>.*)", re.S)
_LEAST_CPU: Final = 10
_LEAST_MEMORY: Final = 32 * 1024**2
_MEBIBYTE: Final = 1024**2


def diagnose_scheduling(case: Case, pod: PodFacts) -> Finding | None:
    """Why no node takes a pod, by the scheduler's word and with the numbers of the nodes."""
    condition = next((c for c in pod.conditions if c.type == "PodScheduled" and not c.holds), None)
    if condition is None or condition.reason != "Unschedulable":
        return None
    evidence = (_said(pod, condition), *told(case, pod.name, "FailedScheduling"))
    if _SHORT_OF.search(condition.message):
        return _no_room(case, pod, condition.message, evidence)
    if _BARRED.search(condition.message):
        fix = None
        if case.spec.placement is not None:
            fix = change("no_matching_node", {"node_preset": None}, {})
        return _finding("no_matching_node", pod, {"why": first_sentence(condition.message)}, evidence, fix)
    return _finding("unschedulable", pod, {"why": first_sentence(condition.message)}, evidence)


def _finding(
    code: str, pod: PodFacts, values: dict[str, Any], evidence: tuple[Evidence, ...], fix: Fix | None = None
) -> Finding:
    return Finding(code=code, values=values, evidence=evidence, fix=fix, pod=pod.name)


def _said(pod: PodFacts, condition: Condition) -> Evidence:
    text = f"{condition.type}: {condition.reason}: {condition.message}"
    return Evidence(kind="condition", source=pod.name, text=text, at=condition.since)


def first_sentence(message: str) -> str:
    """Without what the scheduler adds about preemption: up to the first full stop that ends a sentence."""
    return re.split(r"\.(?:\s|$)", message, maxsplit=1)[0]


def _no_room(case: Case, pod: PodFacts, message: str, evidence: tuple[Evidence, ...]) -> Finding:
    resources = case.spec.resources
    fit = fits(resources, case.spec.placement, case.gpu_resource, case.nodes, case.other_pods)
    short = {found["what"] for found in _SHORT_OF.finditer(message)}
    asked, most_en, most_pt = [], [], []
    if "cpu" in short:
        asked.append(f"{resources.cpu} CPU")
        most_en.append(f"{format_millicores(fit.largest_free_cpu)} CPU")
    if "memory" in short:
        asked.append(format_bytes(bytes_(resources.memory)))
        most_en.append(format_bytes(fit.largest_free_memory))
    if case.gpu_resource in short:
        asked.append(f"{resources.gpu} GPU")
        most_en.append(f"{fit.largest_free_gpu} GPU")
    other = sorted(short - {"cpu", "memory", case.gpu_resource})
    asked += other
    most_pt = most_en
    free = " / ".join(most_en) or "none"
    values = {
        "asked": ", ".join(asked),
        "most_en": f"the largest node has {free} free" if most_en else "no node has that",
        "most_pt": f"o maior nó tem {' / '.join(most_pt)} livre" if most_pt else "nenhum nó tem isso",
    }
    return _finding("no_room", pod, values, evidence, None if other else _fitting(case, fit, short))


def _fitting(case: Case, fit: Fit, short: set[str]) -> Fix | None:
    """The request lowered to what the largest node has free; None where that is too little to be of use."""
    changes: dict[str, Any] = {}
    resources = case.spec.resources
    words = []
    if "cpu" in short:
        if fit.largest_free_cpu < _LEAST_CPU:
            return None
        changes["cpu"] = format_millicores(fit.largest_free_cpu)
        words.append(f"{changes['cpu']} CPU")
    if "memory" in short:
        memory = fit.largest_free_memory // _MEBIBYTE
        if memory * _MEBIBYTE < _LEAST_MEMORY:
            return None
        changes["memory"] = f"{memory}Mi"
        words.append(f"{memory}Mi")
    if case.gpu_resource in short:
        changes["gpu"] = fit.largest_free_gpu
        words.append(f"{fit.largest_free_gpu} GPU")
    lowered = msgspec.structs.replace(resources, **changes)
    # More than one thing may be short on different nodes: only what really fits is offered.
    if (
        not changes
        or not fits(lowered, case.spec.placement, case.gpu_resource, case.nodes, case.other_pods).nodes
    ):
        return None
    if millicores(lowered.cpu) > millicores(resources.cpu) or bytes_(lowered.memory) > bytes_(
        resources.memory
    ):
        return None
    return change("no_room", {"resources": changes}, {"fitting": ", ".join(words)})


def diagnose_refusal(case: Case) -> Finding | None:
    """Why pods are not created, or why the wish itself was refused, by the cluster's own words."""
    for message, evidence in _refusals(case):
        found = _refusal(message, evidence)
        if found is not None:
            return found
    if case.refusal:
        return Finding(code="refused", values={"why": case.refusal}, fix=roll_back(case))
    return None


def _refusals(case: Case) -> list[tuple[str, tuple[Evidence, ...]]]:
    found: list[tuple[str, tuple[Evidence, ...]]] = []
    if case.refusal:
        found.append((case.refusal, ()))
    conditions = case.deployment.conditions if case.deployment else ()
    for condition in conditions:
        if condition.type == "ReplicaFailure" and condition.holds:
            name = case.deployment.name if case.deployment else ""
            text = f"{condition.type}: {condition.reason}: {condition.message}"
            evidence = Evidence(kind="condition", source=name, text=text, at=condition.since)
            found.append((condition.message, (evidence,)))
    return found


def _refusal(message: str, evidence: tuple[Evidence, ...]) -> Finding | None:
    security = _SECURITY.search(message)
    if security:
        fix = change("pod_security", {"security": {"run_as_user": 1000}}, {}) if "root" in message else None
        return Finding(code="pod_security", values={"why": security["why"]}, evidence=evidence, fix=fix)
    for code, pattern in (("quota_exceeded", _QUOTA), ("limit_range", _BOUNDS)):
        found = pattern.search(message)
        if found:
            why = found[0].removeprefix("exceeded quota: ")
            return Finding(code=code, values={"why": why}, evidence=evidence)
    if "is being terminated" in message or "NamespaceTerminating" in message:
        return Finding(code="namespace_terminating", evidence=evidence)
    if "forbidden" in message:
        return Finding(code="forbidden", values={"why": message}, evidence=evidence)
    return None
