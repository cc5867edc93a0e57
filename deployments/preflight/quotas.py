"""Pure: whether pods fit into what a namespace's ResourceQuotas and LimitRanges leave."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from deployments.preflight.subject import Counts
from deployments.preflight.words import Check
from deployments.rehearsal import Limit, Quota
from k8s.facts import PodFacts
from k8s.quantities import amount, format_bytes, format_millicores
from k8s.spec import Resources

Amounts = Mapping[str, Decimal]


def check_quotas(
    quotas: Sequence[Quota],
    resources: Resources,
    counts: Counts,
    held: Sequence[PodFacts],
    *,
    gpu_resource: str,
) -> Check:
    """`held` are the deployment's own pods, which the quotas count as used already.

    Only what pods need: other objects are counted by the cluster's own dry run.
    """
    if not quotas:
        return Check(code="quota", state="ok", text="The namespace has no quota.")
    one = _of_one(resources, gpu_resource)
    given_back = _held(held, gpu_resource)
    if found := _short(quotas, _times(one, counts.least), given_back):
        text = f"{_replicas(counts.least)} would not be allowed: {found}."
        return Check(code="quota", state="error", text=text)
    if found := _short(quotas, _times(one, counts.surge), {}):
        text = f"The update needs one replica more for a while, and would be stuck: {found}."
        return Check(code="quota", state="warning", text=text)
    if found := _short(quotas, _times(one, counts.most), given_back):
        text = f"The autoscaler could not reach {_replicas(counts.most)}: {found}."
        return Check(code="quota", state="warning", text=text)
    left = ", ".join(_left_over(quotas, _times(one, counts.least), given_back))
    return Check(code="quota", state="ok", text=f"Within the quota; left then: {left}.")


def check_limits(limits: Sequence[Limit], resources: Resources) -> Check | None:
    """None without limit ranges."""
    if not limits:
        return None
    asked = {"cpu": resources.cpu, "memory": resources.memory}
    capped = {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
    wrong = []
    for limit in limits:
        # Our pods have one container: what holds for one holds for the other.
        if limit.type not in ("Container", "Pod"):
            continue
        wrong += [
            f"{name} {asked[name]} is below the least of {least} a {limit.type.lower()} may ask for"
            for name, least in limit.min.items()
            if name in asked and amount(asked[name]) < amount(least)
        ]
        wrong += [
            f"the {name} limit {capped[name]} is above the most of {most} a {limit.type.lower()} may have"
            for name, most in limit.max.items()
            if name in capped and amount(capped[name]) > amount(most)
        ]
    if wrong:
        text = "; ".join(dict.fromkeys(wrong))
        return Check(code="limits", state="error", text=f"Limit range of the namespace: {text}.")
    return Check(code="limits", state="ok", text="Within the limit range of the namespace.")


def _of_one(resources: Resources, gpu_resource: str) -> Amounts:
    """What one pod counts as, under every name a quota may use."""
    cpu, memory = amount(resources.cpu), amount(resources.memory)
    return {
        "pods": Decimal(1),
        "count/pods": Decimal(1),
        "cpu": cpu,
        "requests.cpu": cpu,
        "limits.cpu": amount(resources.cpu_limit),
        "memory": memory,
        "requests.memory": memory,
        "limits.memory": amount(resources.memory_limit),
        f"requests.{gpu_resource}": Decimal(resources.gpu),
    }


def _held(pods: Sequence[PodFacts], gpu_resource: str) -> Amounts:
    cpu = Decimal(sum(pod.cpu_request for pod in pods)) / 1000
    memory = Decimal(sum(pod.memory_request for pod in pods))
    return {
        "pods": Decimal(len(pods)),
        "count/pods": Decimal(len(pods)),
        "cpu": cpu,
        "requests.cpu": cpu,
        "limits.cpu": Decimal(sum(pod.cpu_limit for pod in pods)) / 1000,
        "memory": memory,
        "requests.memory": memory,
        "limits.memory": Decimal(sum(pod.memory_limit for pod in pods)),
        f"requests.{gpu_resource}": Decimal(sum(pod.gpu_request for pod in pods)),
    }


def _times(one: Amounts, count: int) -> Amounts:
    return {name: value * count for name, value in one.items()}


def _left(quota: Quota, given_back: Amounts) -> Iterator[tuple[str, Decimal]]:
    for name, hard in quota.hard.items():
        used = max(amount(quota.used.get(name, "0")) - given_back.get(name, Decimal(0)), Decimal(0))
        # Below zero where the quota was lowered under what is used: nothing is left then.
        yield name, max(amount(hard) - used, Decimal(0))


def _short(quotas: Sequence[Quota], needed: Amounts, given_back: Amounts) -> str:
    """Which resources there is too little of; empty when there is enough."""
    return "; ".join(
        f"quota {quota.name} leaves {_said(name, left)} of {name}, {_said(name, needed[name])} needed"
        for quota in quotas
        for name, left in _left(quota, given_back)
        if needed.get(name, Decimal(0)) > left
    )


def _left_over(quotas: Sequence[Quota], needed: Amounts, given_back: Amounts) -> Iterator[str]:
    for quota in quotas:
        for name, left in _left(quota, given_back):
            if name in needed:
                yield f"{_said(name, left - needed[name])} of {name}"


def _said(name: str, value: Decimal) -> str:
    match name.rpartition(".")[2]:
        case "cpu":
            return format_millicores(int(value * 1000))
        case "memory":
            return format_bytes(int(value))
        case _:
            return f"{value.normalize():f}"


def _replicas(count: int) -> str:
    return f"{count} replica" if count == 1 else f"{count} replicas"
