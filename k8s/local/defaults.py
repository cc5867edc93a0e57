"""What the API server fills in where an object says nothing, kind by kind."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any, Final

from k8s.local.store import Object

_ABSENT_NODE_TOLERATION_SECONDS: Final = 300
#: Prefix of the labels that the pods of a Job carry.
JOB_LABELS: Final = "batch.kubernetes.io/"


def apply_defaults(kind: str, obj: Object) -> None:
    """Fill in the defaults of an object in place; ``kind`` is a kind string."""
    rule = _RULES.get(kind)
    if rule is not None:
        rule(obj)


def prepare_for_create(kind: str, obj: Object) -> None:
    """Fill in, in place, what a new object starts with: its first status, and labels that Kubernetes adds."""
    rule = _STARTS.get(kind)
    if rule is not None:
        rule(obj)


def _fill(target: dict[str, Any], **values: Any) -> None:
    for key, value in values.items():
        target.setdefault(key, value)


# Pods


def pod_spec(spec: dict[str, Any]) -> None:
    """Defaults of a pod's spec, in a pod or in a template."""
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _container(container)
    for volume in spec.get("volumes", ()):
        _volume(volume)
    _fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    # Two names of one field: the older one mirrors the newer.
    if "serviceAccountName" in spec or "serviceAccount" in spec:
        account = spec.get("serviceAccountName") or spec.get("serviceAccount")
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _container(container: dict[str, Any]) -> None:
    _fill(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=pull_policy(container.get("image", "")),
    )
    for port in container.get("ports", ()):
        _fill(port, protocol="TCP")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict) and "httpGet" in hook:
            _fill(hook["httpGet"], path="/", scheme="HTTP")
    for variable in container.get("env", ()):
        reference = variable.get("valueFrom", {}).get("fieldRef")
        if reference is not None:
            _fill(reference, apiVersion="v1")


def pull_policy(image: str) -> str:
    """Always for an image without a tag or with the tag latest, else IfNotPresent."""
    name = image.rsplit("/", 1)[-1]
    if "@" in name:
        return "IfNotPresent"
    tag = name.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _probe(probe: dict[str, Any]) -> None:
    _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if "httpGet" in probe:
        _fill(probe["httpGet"], path="/", scheme="HTTP")


def _volume(volume: dict[str, Any]) -> None:
    for source in ("configMap", "secret", "projected", "downwardAPI"):
        if source in volume:
            _fill(volume[source], defaultMode=420)
    if "hostPath" in volume:
        _fill(volume["hostPath"], type="")
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}


def _pod(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    _fill(spec, enableServiceLinks=True)
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        resources = container["resources"]
        for name, value in resources.get("limits", {}).items():
            resources.setdefault("requests", {}).setdefault(name, value)


def _new_pod(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, serviceAccountName="default", priority=0, preemptionPolicy="PreemptLowerPriority")
    spec["serviceAccount"] = spec["serviceAccountName"]
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(_tolerates(toleration, key) for toleration in tolerations):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _ABSENT_NODE_TOLERATION_SECONDS,
                }
            )
    obj["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}


def _tolerates(toleration: dict[str, Any], key: str) -> bool:
    return bool(toleration.get("key", key) == key and toleration.get("effect", "NoExecute") == "NoExecute")


def qos_class(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' cpu and memory."""
    containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
    resources = [container.get("resources", {}) for container in containers]
    stated = [
        part.get(name)
        for each in resources
        for part in (each.get("requests", {}), each.get("limits", {}))
        for name in ("cpu", "memory")
    ]
    if not any(stated):
        return "BestEffort"
    exact = all(
        name in each.get("limits", {}) and each.get("requests", {}).get(name) == each["limits"][name]
        for each in resources
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if exact else "Burstable"


# Workloads


def _template(spec: dict[str, Any]) -> None:
    template = spec.get("template")
    if template is not None:
        template.setdefault("metadata", {})
        pod_spec(template.setdefault("spec", {}))


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    _fill(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec["strategy"]
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    _fill(spec, replicas=1)
    if "selector" not in spec:
        labels = spec.get("template", {}).get("metadata", {}).get("labels")
        if labels:
            spec["selector"] = {"matchLabels": dict(labels)}


def _job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _fill(
        spec,
        parallelism=1,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        manualSelector=False,
        podReplacementPolicy="TerminatingOrFailed",
    )


def _new_job(obj: Object) -> None:
    """A selector and labels of the Job's own, made from its uid, so that no two jobs share pods."""
    obj["status"] = {}
    meta, spec = obj["metadata"], obj["spec"]
    if "template" not in spec:
        return
    labels = spec["template"]["metadata"].setdefault("labels", {})
    if not spec["manualSelector"]:
        uid = meta["uid"] = str(uuid.uuid4())
        labels |= {f"{prefix}controller-uid": uid for prefix in ("", JOB_LABELS)}
        labels |= {f"{prefix}job-name": meta["name"] for prefix in ("", JOB_LABELS)}
        selector = spec.setdefault("selector", {})
        selector.setdefault("matchLabels", {})[f"{JOB_LABELS}controller-uid"] = uid
    if not meta.get("labels"):
        meta["labels"] = dict(labels)


# The rest


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports", ()):
        _fill(port, protocol="TCP")
        if port.get("targetPort", "") in ("", 0):
            port["targetPort"] = port.get("port", 0)
    if spec["type"] == "ExternalName":
        return
    _fill(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)


def _new_namespace(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj["status"] = {"phase": "Active"}


def _namespace(obj: Object) -> None:
    meta = obj["metadata"]
    if meta.get("name"):
        meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta["name"]


def _secret(obj: Object) -> None:
    _fill(obj, type="Opaque")
    # Write-only: what is written as text is kept and answered as base64 only.
    for key, text in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def _autoscaler(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _limit_range(obj: Object) -> None:
    for item in obj.get("spec", {}).get("limits", ()):
        if item.get("type") != "Container":
            continue
        for name, value in item.get("max", {}).items():
            item.setdefault("default", {}).setdefault(name, value)
        for source in ("default", "min"):
            for name, value in item.get(source, {}).items():
                item.setdefault("defaultRequest", {}).setdefault(name, value)


def _slice(obj: Object) -> None:
    _fill(obj, addressType="IPv4", endpoints=[])
    for port in obj.get("ports", ()):
        _fill(port, name="", protocol="TCP")


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            _fill(port, protocol="TCP")


def _bindings(obj: Object) -> None:
    reference = obj.get("roleRef", {})
    reference.setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            _fill(subject, apiGroup="rbac.authorization.k8s.io")


def _network_policy(obj: Object) -> None:
    spec = obj.get("spec", {})
    types = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    _fill(spec, policyTypes=types)
    for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
        for port in rule.get("ports") or ():
            _fill(port, protocol="TCP")


def _starts_with(**status: Any) -> Callable[[Object], None]:
    def start(obj: Object) -> None:
        obj["status"] = dict(status)

    return start


_RULES: Final[dict[str, Callable[[Object], None]]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "jobs.batch": _job,
    "services": _service,
    "namespaces": _namespace,
    "secrets": _secret,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "limitranges": _limit_range,
    "endpointslices.discovery.k8s.io": _slice,
    "endpoints": _endpoints,
    "networkpolicies.networking.k8s.io": _network_policy,
    "rolebindings.rbac.authorization.k8s.io": _bindings,
    "clusterrolebindings.rbac.authorization.k8s.io": _bindings,
}

_STARTS: Final[dict[str, Callable[[Object], None]]] = {
    "pods": _new_pod,
    "namespaces": _new_namespace,
    "deployments.apps": _starts_with(),
    "replicasets.apps": _starts_with(replicas=0),
    "jobs.batch": _new_job,
    "services": _starts_with(loadBalancer={}),
    "resourcequotas": _starts_with(),
    "horizontalpodautoscalers.autoscaling": _starts_with(),
    "poddisruptionbudgets.policy": _starts_with(
        disruptionsAllowed=0, currentHealthy=0, desiredHealthy=0, expectedPods=0
    ),
}
