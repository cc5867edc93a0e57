"""Facts and events to a cause, an advice and, where one is safe, a fix. Pure; no clock, no cluster."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from k8s.diagnosis.case import Case, Diagnosis, Evidence, Finding
from k8s.diagnosis.containers import (
    diagnose_container,
    missing_object,
    roll_back,
    slow_pull,
    told,
)
from k8s.diagnosis.placing import diagnose_refusal, diagnose_scheduling
from k8s.diagnosis.probes import diagnose_probe
from k8s.diagnosis.words import WORDS
from k8s.facts import PodFacts
from k8s.health import is_alive, is_stuck, is_unsteady

# A new pod is measured after half a minute at most, and the autoscaler looks every quarter: until
# then it has no figures, which is nothing to worry anybody with.
PATIENCE_WITH_METRICS: Final = timedelta(seconds=90)


def diagnose(case: Case) -> Diagnosis | None:
    """The one cause to show, the most telling first; None when nothing is wrong, or nothing is known.

    A pod that serves needs no diagnosis: of the others, the first one that a rule
    has a word for speaks for all, since they come from one template.
    """
    found = diagnose_refusal(case) or _of_pods(case) or _of_the_whole(case)
    if found is None:
        return None
    cause, advice = WORDS[found.code].said(found.values)
    return Diagnosis(
        code=found.code, cause=cause, advice=advice, evidence=found.evidence, fix=found.fix, pod=found.pod
    )


def _of_pods(case: Case) -> Finding | None:
    for rule in (_lost_node, diagnose_scheduling, _containers, _mounts, diagnose_probe, slow_pull):
        for pod in case.pods:
            if (pod.ready and not is_unsteady(pod, case.now)) or not is_alive(pod):
                continue
            found = rule(case, pod)
            if found is not None:
                return found
    return _evicted(case)


def _containers(case: Case, pod: PodFacts) -> Finding | None:
    for container in pod.containers:
        found = diagnose_container(case, pod, container)
        if found is None:
            continue
        # A server that is ended because it fails its checks does not crash of its own.
        if found.code == "crash":
            return _killed_by_its_checks(case, pod) or found
        return found
    return None


def _killed_by_its_checks(case: Case, pod: PodFacts) -> Finding | None:
    killed = [event for event in case.events_about(pod.name, "Killing") if "probe" in event.message]
    return diagnose_probe(case, pod) if killed else None


def _mounts(case: Case, pod: PodFacts) -> Finding | None:
    """A volume that waits for ever: the pod says nothing, only an event does."""
    for event in case.events_about(pod.name, "FailedMount"):
        found = missing_object(event.message, told(case, pod.name, "FailedMount"), pod)
        if found is not None:
            return found
    return None


def _lost_node(case: Case, pod: PodFacts) -> Finding | None:
    node = next((node for node in case.nodes if node.name == pod.node), None)
    if node is None or node.ready:
        return None
    condition = next((c for c in pod.conditions if c.type == "Ready"), None)
    if condition is None or condition.holds:
        return None
    text = f"node {node.name} is not ready: {node.ready_message}".rstrip(": ")
    evidence = Evidence(kind="condition", source=node.name, text=text, at=condition.since)
    return Finding(code="node_lost", values={"node": node.name}, evidence=(evidence,), pod=pod.name)


def _evicted(case: Case) -> Finding | None:
    for pod in case.pods:
        if pod.reason == "Evicted":
            why = (pod.message or "it needed more than the node had").rstrip(". ")
            evidence = told(case, pod.name, "Evicted") or (
                Evidence(kind="condition", source=pod.name, text=f"{pod.reason}: {pod.message}"),
            )
            return Finding(code="evicted", values={"why": why}, evidence=evidence, pod=pod.name)
    return None


def _of_the_whole(case: Case) -> Finding | None:
    rules: tuple[Callable[[Case], Finding | None], ...] = (_no_answer, _stuck, _no_metrics)
    return next((found for found in (rule(case) for rule in rules) if found is not None), None)


def _no_answer(case: Case) -> Finding | None:
    """Every pod is ready by its node's word, and its Service does not say so."""
    if not case.answer_problem or case.deployment is None:
        return None
    path = f"{case.spec.service.port}{case.spec.health_path}"
    evidence = Evidence(kind="answer", source=case.deployment.name, text=case.answer_problem)
    return Finding(code="no_answer", values={"path": path}, evidence=(evidence,), fix=roll_back(case))


def _stuck(case: Case) -> Finding | None:
    if case.deployment is None or not is_stuck(case.deployment, expected_revision=case.deployment.revision):
        return None
    condition = next(c for c in case.deployment.conditions if c.type == "Progressing")
    evidence = Evidence(
        kind="condition",
        source=case.deployment.name,
        text=f"{condition.type}: {condition.reason}: {condition.message}",
        at=condition.since,
    )
    values = {"seconds": case.spec.rollout.deadline_seconds}
    return Finding(code="deadline_exceeded", values=values, evidence=(evidence,), fix=roll_back(case))


def _no_metrics(case: Case) -> Finding | None:
    conditions = case.autoscaler.conditions if case.autoscaler else ()
    active = next((c for c in conditions if c.type == "ScalingActive"), None)
    if case.autoscaler is None or active is None or active.holds or active.reason == "ScalingDisabled":
        return None
    if active.since is not None and case.now - active.since < PATIENCE_WITH_METRICS:
        return None
    text = f"{active.type}: {active.reason}: {active.message}"
    evidence = Evidence(kind="condition", source=case.autoscaler.name, text=text, at=active.since)
    return Finding(code="no_metrics", evidence=(evidence,))
