"""The arithmetic of a Deployment's rollout. Pure: objects and counts in, numbers out.

Source: the rules of Kubernetes' deployment controller (pkg/controller/deployment/util).
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Final

from k8s.local.controllers.pods import NAME_LETTERS
from k8s.local.store import Object

REVISION: Final = "deployment.kubernetes.io/revision"
REVISION_HISTORY: Final = "deployment.kubernetes.io/revision-history"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
MAXIMUM: Final = "deployment.kubernetes.io/max-replicas"
HASH_LABEL: Final = "pod-template-hash"
_NOT_COPIED: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAXIMUM,
        "deprecated.deployment.rollback.to",
    }
)


@dataclass(frozen=True)
class Count:
    """One replica set's numbers: wanted pods, and those of them that are available."""

    name: str
    wanted: int
    available: int


def resolve(value: int | str | None, total: int, *, up: bool) -> int:
    """A count given as a number or as a percentage of ``total``."""
    if value is None:
        value = "25%"
    if isinstance(value, int):
        return value
    share = total * int(value.rstrip("%")) / 100
    return math.ceil(share) if up else math.floor(share)


def limits(deployment: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; when both come to zero, one pod may be unavailable."""
    spec = deployment["spec"]
    if spec.get("strategy", {}).get("type") == "Recreate":
        return 0, 0
    rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
    total = spec.get("replicas", 1)
    surge = resolve(rolling.get("maxSurge"), total, up=True)
    unavailable = resolve(rolling.get("maxUnavailable"), total, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, total)


def wanted_of_new(deployment: Object, new: Count, all_wanted: int) -> int:
    """How many pods the newest replica set may have now."""
    total = deployment["spec"].get("replicas", 1)
    if deployment["spec"].get("strategy", {}).get("type") == "Recreate":
        return int(total)
    if new.wanted >= total:
        return int(total)
    room = total + limits(deployment)[0] - all_wanted
    return int(new.wanted + max(0, min(room, total - new.wanted)))


def wanted_of_old(deployment: Object, new: Count, old: list[Count]) -> dict[str, int]:
    """What each old replica set should shrink to, in a rolling update. Unhealthy pods go first."""
    total = deployment["spec"].get("replicas", 1)
    least = total - limits(deployment)[1]
    wanted = {count.name: count.wanted for count in old}
    all_wanted = new.wanted + sum(wanted.values())
    may_go = all_wanted - least - (new.wanted - new.available)
    if may_go <= 0:
        return wanted
    for count in old:
        unhealthy = min(may_go, wanted[count.name] - count.available)
        if unhealthy > 0:
            wanted[count.name] -= unhealthy
            may_go -= unhealthy
    spare = new.available + sum(count.available for count in old) - least
    for count in old:
        step = min(spare, wanted[count.name])
        if step > 0:
            wanted[count.name] -= step
            spare -= step
    return wanted


def proportional(deployment: Object, counts: list[Count]) -> dict[str, int]:
    """Spread a changed total over several replica sets in the middle of a rollout, in proportion."""
    total = deployment["spec"].get("replicas", 1)
    allowed = total + limits(deployment)[0] if total else 0
    now = sum(count.wanted for count in counts)
    wanted = {count.name: count.wanted for count in counts}
    if not now:
        return wanted
    left = allowed - now
    # The biggest take the remainder, so that it matters least.
    for count in sorted(counts, key=lambda count: -count.wanted):
        share = round(count.wanted * allowed / now) - count.wanted
        share = max(min(share, left), 0) if left > 0 else min(max(share, left), 0)
        wanted[count.name] += share
        left -= share
    if left and counts:
        biggest = max(counts, key=lambda count: count.wanted).name
        wanted[biggest] = max(0, wanted[biggest] + left)
    return wanted


def template_hash(template: Object, collisions: int) -> str:
    """The value of the pod-template-hash label: ten letters for each distinct template."""
    text = json.dumps([template, collisions], sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:10], "big")
    letters = ""
    for _ in range(10):
        number, place = divmod(number, len(NAME_LETTERS))
        letters += NAME_LETTERS[place]
    return letters


def same_template(one: Object, other: Object) -> bool:
    """Whether two pod templates are equal, but for the hash label."""
    return _without_hash(one) == _without_hash(other)


def _without_hash(template: Object) -> Object:
    meta = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH_LABEL}
    kept = {key: value for key, value in meta.items() if value and key not in ("labels", "creationTimestamp")}
    return {**template, "metadata": {**kept, "labels": labels}}


def revision_of(obj: Object) -> int:
    """The revision number in the annotations; 0 when there is none."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def copied_annotations(deployment: Object) -> dict[str, str]:
    """Annotations of a deployment that its replica sets carry too (change-cause among them)."""
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}
