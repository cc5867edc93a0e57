"""What the API server refuses, kind by kind, with its own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from k8s.local import errors
from k8s.local.errors import Cause
from k8s.local.kinds import Kind
from k8s.local.store import Object
from k8s.local.validation import causes as say
from k8s.local.validation import guards, networks, pods, simple, workloads

_CHECKS: Final[dict[str, Callable[[Object], list[Cause]]]] = {
    "pods": pods.pod,
    "deployments.apps": workloads.deployment,
    "replicasets.apps": workloads.replica_set,
    "jobs.batch": workloads.job,
    "horizontalpodautoscalers.autoscaling": workloads.autoscaler,
    "poddisruptionbudgets.policy": workloads.disruption_budget,
    "resourcequotas": guards.resource_quota,
    "limitranges": guards.limit_range,
    "services": simple.service,
    "configmaps": simple.config_map,
    "secrets": simple.secret,
    "endpointslices.discovery.k8s.io": simple.endpoint_slice,
    "networkpolicies.networking.k8s.io": networks.network_policy,
    "events": simple.event,
}
_UPDATE_CHECKS: Final[dict[str, Callable[[Object, Object], list[Cause]]]] = {
    "pods": pods.pod_update,
    "deployments.apps": workloads.selector_is_kept,
    "replicasets.apps": workloads.selector_is_kept,
    "jobs.batch": workloads.job_update,
    "services": simple.service_update,
    "configmaps": simple.immutable_data,
    "secrets": simple.immutable_data,
}
_NAMES: Final = {
    "namespaces": say.dns_label,
    "services": say.dns1035_label,
}


def validate(kind: Kind, obj: Object) -> None:
    """Check an object as it would be stored.

    Raises:
        Invalid: with every field at fault.
    """
    found = _metadata(kind, obj) + _CHECKS.get(kind.key, _nothing)(obj)
    _refuse(kind, obj, found)


def validate_update(kind: Kind, old: Object, new: Object) -> None:
    """Check a change of an object: the new object, and what must not change.

    Raises:
        Invalid: with every field at fault.
    """
    check = _UPDATE_CHECKS.get(kind.key)
    found = _metadata(kind, new) + _CHECKS.get(kind.key, _nothing)(new)
    if check is not None:
        found += check(old, new)
    _refuse(kind, new, found)


def _refuse(kind: Kind, obj: Object, found: list[Cause]) -> None:
    if found:
        raise errors.Invalid(kind.kind, obj["metadata"].get("name", ""), found, kind.group)


def _nothing(_: Object) -> list[Cause]:
    return []


def _metadata(kind: Kind, obj: Object) -> list[Cause]:
    meta = obj["metadata"]
    name, rule = meta.get("name"), _NAMES.get(kind.key, say.subdomain)
    if not name:
        found = [say.required("metadata.name", "name or generateName is required")]
    elif kind.group == "rbac.authorization.k8s.io":
        found = []
    else:
        found = rule("metadata.name", name)
        if found and meta.get("generateName"):
            # Of a prefix, the end need not be one of a name.
            found = rule("metadata.generateName", _as_name(meta["generateName"])) + found
    found += say.labels("metadata.labels", meta.get("labels", {}))
    for key in meta.get("annotations", {}):
        found += say.qualified_name("metadata.annotations", key.lower())
    for index, finalizer in enumerate(meta.get("finalizers", [])):
        if "/" not in finalizer and finalizer not in ("orphan", "foregroundDeletion", "kubernetes"):
            found += say.qualified_name(f"metadata.finalizers[{index}]", finalizer)
    return found + _owners(meta.get("ownerReferences", []))


def _as_name(prefix: str) -> str:
    return prefix[:-1] + "a" if prefix.endswith("-") else prefix


def _owners(references: list[dict[str, str]]) -> list[Cause]:
    found = []
    for index, reference in enumerate(references):
        found += [
            say.invalid(f"metadata.ownerReferences[{index}].{key}", "", "must not be empty")
            for key in ("apiVersion", "kind", "name", "uid")
            if not reference.get(key)
        ]
    return found
