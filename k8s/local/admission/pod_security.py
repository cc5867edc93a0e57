"""Pod security levels, asked for by the labels of a namespace: enforced, and warned about.

``audit`` is accepted and checked as a label; there is no audit log here to write to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from k8s.local import errors
from k8s.local.admission.pod_security_checks import CHECKS, Finding, findings
from k8s.local.admission.warnings import warn
from k8s.local.kinds import Kind
from k8s.local.store import Object, Store
from k8s.local.validation import causes as say

_LABEL: Final = "pod-security.kubernetes.io/"
_LEVELS: Final = tuple(CHECKS)
_VERSION: Final = re.compile(r"latest|v1\.(0|[1-9][0-9]*)")
#: Kinds with a pod template, which are only warned about: their pods are checked when they come.
_TEMPLATED: Final = ("deployments.apps", "replicasets.apps", "jobs.batch")


@dataclass(frozen=True)
class Policy:
    """What one mode of a namespace asks for."""

    level: str = "privileged"
    version: str = "latest"

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"


class PodSecurity:
    """Holds pods to the level of their namespace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse a pod that its namespace does not allow, or warn about one.

        Raises:
            Forbidden: the enforced level is violated.
            Invalid: a namespace's label is not a level.
        """
        if kind.key == "namespaces":
            self._namespace(new, old)
        elif kind.key == "pods":
            if old is None or old["spec"] != new["spec"]:
                self._pod(new)
        elif kind.key in _TEMPLATED and (old is None or old["spec"] != new["spec"]):
            template = new["spec"].get("template", {}).get("spec", {})
            self._warn(self._labels(new), template)

    def _labels(self, obj: Object) -> dict[str, str]:
        namespace = self._store.find("namespaces", "", obj["metadata"]["namespace"])
        found: dict[str, str] = (namespace or {"metadata": {}})["metadata"].get("labels") or {}
        return found

    def _pod(self, pod: Object) -> None:
        labels = self._labels(pod)
        policy = policy_of(labels, "enforce")
        found = findings(policy.level, pod["spec"])
        if found:
            why = f'violates PodSecurity "{policy}": {_in_full(found)}'
            raise errors.forbidden("pods", pod["metadata"]["name"], why)
        self._warn(labels, pod["spec"])

    @staticmethod
    def _warn(labels: dict[str, str], spec: dict[str, Any]) -> None:
        # Who only says what is enforced is warned about the same.
        mode = "warn" if f"{_LABEL}warn" in labels else "enforce"
        policy = policy_of(labels, mode)
        found = findings(policy.level, spec)
        if found:
            warn(f'would violate PodSecurity "{policy}": {_in_full(found)}')

    def _namespace(self, new: Object, old: Object | None) -> None:
        labels = new["metadata"].get("labels") or {}
        _check_labels(new["metadata"]["name"], labels)
        before = policy_of((old or {"metadata": {}})["metadata"].get("labels") or {}, "enforce")
        policy = policy_of(labels, "enforce")
        if old is None or policy == before or _LEVELS.index(policy.level) < _LEVELS.index(before.level):
            return
        self._warn_of_existing(new["metadata"]["name"], policy)

    def _warn_of_existing(self, namespace: str, policy: Policy) -> None:
        """Say which pods that are there already would not be let in now, alike ones together."""
        groups: dict[str, list[str]] = {}
        for pod in self._store.list("pods", namespace):
            found = findings(policy.level, pod["spec"])
            if found:
                reasons = ", ".join(reason for reason, _ in found)
                groups.setdefault(reasons, []).append(pod["metadata"]["name"])
        if groups:
            told = f'violate the new PodSecurity enforce level "{policy}"'
            warn(f'existing pods in namespace "{namespace}" {told}')
        for reasons, names in groups.items():
            others = len(names) - 1
            more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
            warn(f"{names[0]}{more}: {reasons}")


def policy_of(labels: dict[str, str], mode: str) -> Policy:
    """The policy of a mode ("enforce", "audit", "warn"). What is misspelt counts as the strictest level."""
    level = labels.get(f"{_LABEL}{mode}", "privileged")
    version = labels.get(f"{_LABEL}{mode}-version", "latest")
    return Policy(level if level in _LEVELS else "restricted", version)


def _check_labels(name: str, labels: dict[str, str]) -> None:
    found = []
    for mode in ("enforce", "audit", "warn"):
        key = f"{_LABEL}{mode}"
        if labels.get(key, "privileged") not in _LEVELS:
            why = f"must be one of {', '.join(_LEVELS)}"
            found.append(say.invalid(f"metadata.labels[{key}]", labels[key], why))
        version = labels.get(f"{key}-version", "latest")
        if not _VERSION.fullmatch(version):
            why = 'must be "latest" or "v1.x"'
            found.append(say.invalid(f"metadata.labels[{key}-version]", version, why))
    if found:
        raise errors.Invalid("Namespace", name, found)


def _in_full(found: list[Finding]) -> str:
    return ", ".join(f"{reason} ({detail})" for reason, detail in found)
