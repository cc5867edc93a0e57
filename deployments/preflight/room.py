"""Whether nodes, as last seen, have room for a wish."""

from collections.abc import Sequence

from deployments.preflight.subject import Subject
from deployments.preflight.words import Check
from k8s import scheduling
from k8s.facts import NodeFacts, PodFacts
from k8s.labels import INSTANCE
from k8s.quantities import format_bytes, format_millicores
from k8s.scheduling import Fit


def check_room(subject: Subject, nodes: Sequence[NodeFacts], pods: Sequence[PodFacts]) -> list[Check]:
    """`pods` are everybody's that have a node. A check of GPUs is there only when some are asked for."""
    cluster = subject.cluster.name
    if not nodes:
        text = f"No node of cluster {cluster} has been seen yet, so nobody knows what fits."
        return [Check(code="nodes", state="unknown", text=text)]
    others = [pod for pod in pods if not _is_own(subject, pod)]
    fit = _fit(subject, nodes, others)
    with_own = _fit(subject, nodes, pods) if subject.counts.surge else fit
    checks = [_nodes_check(subject, fit, with_own, len(nodes))]
    if subject.resources.gpu:
        checks.append(_gpu_check(subject, fit))
    return checks


def _fit(subject: Subject, nodes: Sequence[NodeFacts], pods: Sequence[PodFacts]) -> Fit:
    spec = subject.wish.spec
    return scheduling.fits(spec.resources, spec.placement, subject.cluster.gpu_resource, nodes, pods)


def _is_own(subject: Subject, pod: PodFacts) -> bool:
    wish = subject.wish
    is_there = subject.deployment is not None
    return is_there and pod.namespace == wish.namespace and pod.labels.get(INSTANCE) == wish.name


def _nodes_check(subject: Subject, fit: Fit, with_own: Fit, seen: int) -> Check:
    counts = subject.counts
    if not counts.most:
        return Check(code="nodes", state="ok", text="No replicas are wanted, so none needs room.")
    if not fit.nodes:
        return Check(code="nodes", state="error", text=f"No node fits a replica: {fit.why_not}")
    if fit.total_fitting < counts.least:
        text = f"Room for {fit.total_fitting} of {counts.least} replicas; the rest would wait for a node."
        return Check(code="nodes", state="error", text=text)
    if with_own.total_fitting < counts.surge:
        text = (
            "The update needs room for one replica more for a while, and no node has it: it would be stuck."
        )
        return Check(code="nodes", state="warning", text=text)
    if fit.total_fitting < counts.most:
        text = f"Room for {fit.total_fitting} replicas; the autoscaler may ask for {counts.most}."
        return Check(code="nodes", state="warning", text=text)
    free = f"{format_millicores(fit.largest_free_cpu)} CPU, {format_bytes(fit.largest_free_memory)} memory"
    text = f"Fits on {len(fit.nodes)} of {seen} nodes; at most free on one: {free}."
    return Check(code="nodes", state="ok", text=text)


def _gpu_check(subject: Subject, fit: Fit) -> Check:
    needed, free = subject.resources.gpu, fit.largest_free_gpu
    if free < needed:
        text = (
            f"A replica needs {needed} of {subject.cluster.gpu_resource}; no node has more than {free} free."
        )
        return Check(code="gpu", state="error", text=text)
    text = f"Up to {free} of {subject.cluster.gpu_resource} are free on one node."
    if not subject.cluster.has_real_gpus:
        text += " No real GPU is behind them: the local cluster only counts."
    return Check(code="gpu", state="ok", text=text)
