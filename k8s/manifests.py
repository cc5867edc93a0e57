"""A wish to Kubernetes objects. Pure: the same wish always gives the same objects.

What we send is the whole truth of the fields we own; server-side apply leaves
fields of others alone. People choose from `k8s.spec`; everything else is
decided here, so that pods are accepted by a PodSecurity `restricted` namespace.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final

import yaml

from k8s.cluster import Manifest
from k8s.labels import (
    CHANGE_CAUSE,
    INSTANCE,
    MANAGED_BY,
    MODEL,
    MODEL_VERSION,
    RESTARTED_AT,
    REVISION,
    TEAM,
    TEMPLATE,
)
from k8s.spec import Resources, Service, Spec, Wish

CONTAINER: Final = "server"
PORT_NAME: Final = "http"
GPU_RESOURCE: Final = "nvidia.com/gpu"
# Most model images are built to run as root and would be refused without a user.
USER_ID: Final = 1000
HOME: Final = "/tmp"  # noqa: S108  an emptyDir of the pod, not this machine's
# Endpoints forget a pod some time after it is told to stop: until then it keeps serving.
DRAIN_SECONDS: Final = 5
STOP_SECONDS: Final = 30
START_SECONDS: Final = 120
PROGRESS_DEADLINE_SECONDS: Final = 600


def build(wish: Wish, *, gpu_resource: str = GPU_RESOURCE) -> list[Manifest]:
    """The objects a wish means, in the order to apply them: [Deployment, Service].

    The revision's number is on both objects and not on the pods, which carry a
    fingerprint of their template instead: a revision that changes only the
    Service or the rollout replaces no pod, and a rollback reuses old pods.
    """
    return [_deployment(wish, gpu_resource), _service(wish)]


def template_fingerprint(wish: Wish, *, gpu_resource: str = GPU_RESOURCE) -> str:
    """What pods of this wish carry as `timoneiro.dev/template`: ten characters of the template's hash."""
    return str(_template(wish, gpu_resource)["metadata"]["labels"][TEMPLATE])


def namespace(name: str, team: str) -> Manifest:
    """A namespace for a team, in which PodSecurity `restricted` holds.

    For creating one. Applied over a namespace that others use too, it would
    tighten what their pods may do.
    """
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/managed-by": MANAGED_BY,
                TEAM: label_value(team),
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            },
        },
    }


def to_yaml(manifests: Sequence[Manifest]) -> str:
    """The objects as people write them, for `kubectl apply -f`."""
    return yaml.dump_all(
        manifests, Dumper=_Dumper, sort_keys=False, explicit_start=len(manifests) > 1, width=110
    )


def label_value(text: str) -> str:
    """`text` as a label may hold it: at most 63 of letters, digits, "-", "_" and ".", "+" becoming "_"."""
    kept = re.sub(r"[^A-Za-z0-9._-]", "_", text)[:63]
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", kept)


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, as Kubernetes' own documentation writes them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _labels(wish: Wish) -> dict[str, str]:
    """What may change only together with the pods; the version label follows the image."""
    return {
        "app.kubernetes.io/name": label_value(wish.spec.model),
        INSTANCE: wish.name,
        "app.kubernetes.io/version": label_value(wish.spec.version),
        "app.kubernetes.io/component": "model-server",
        "app.kubernetes.io/part-of": label_value(wish.team),
        "app.kubernetes.io/managed-by": MANAGED_BY,
        TEAM: label_value(wish.team),
        MODEL: label_value(wish.spec.model),
        MODEL_VERSION: label_value(wish.spec.version),
    }


def _metadata(wish: Wish) -> dict[str, Any]:
    return {
        "name": wish.name,
        "namespace": wish.namespace,
        "labels": {**_labels(wish), REVISION: str(wish.revision)},
    }


def _deployment(wish: Wish, gpu_resource: str) -> Manifest:
    metadata = _metadata(wish)
    if wish.change_cause:
        metadata["annotations"] = {CHANGE_CAUSE: wish.change_cause}
    rollout = wish.spec.rollout
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": wish.replicas,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable},
            },
            # Immutable once created, so it holds what never changes and nothing else.
            "selector": {"matchLabels": {INSTANCE: wish.name}},
            "template": _template(wish, gpu_resource),
        },
    }


def _template(wish: Wish, gpu_resource: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": _labels(wish)}
    if wish.restarted_at:
        metadata["annotations"] = {RESTARTED_AT: wish.restarted_at}
    template = {"metadata": metadata, "spec": _pod_spec(wish.spec, gpu_resource)}
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    metadata["labels"][TEMPLATE] = hashlib.sha256(canonical).hexdigest()[:10]
    return template


def _pod_spec(spec: Spec, gpu_resource: str) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, gpu_resource)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _container(spec: Spec, gpu_resource: str) -> dict[str, Any]:
    check = {"httpGet": {"path": spec.health_path, "port": PORT_NAME}}
    return {
        "name": CONTAINER,
        "image": spec.image,
        "ports": [{"name": PORT_NAME, "containerPort": spec.port, "protocol": "TCP"}],
        "env": _environment(spec),
        "resources": _resources(spec.resources, gpu_resource),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        # Asked each second only until the first answer, so that a pod is used as
        # soon as it can be; afterwards the slower two take over.
        "startupProbe": {**check, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": START_SECONDS},
        "readinessProbe": {**check, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3},
        # Patient: a model busy with a long request is not a dead one.
        "livenessProbe": {**check, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": [{"name": "tmp", "mountPath": HOME}],
    }


def _environment(spec: Spec) -> list[dict[str, str]]:
    chosen = [{"name": variable.name, "value": variable.value} for variable in spec.env]
    # Names are the keys of this list for server-side apply: one must not come twice.
    if any(variable.name == "HOME" for variable in spec.env):
        return chosen
    return [{"name": "HOME", "value": HOME}, *chosen]


def _resources(resources: Resources, gpu_resource: str) -> dict[str, dict[str, str]]:
    requests = {"cpu": resources.cpu, "memory": resources.memory}
    limits = {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
    if resources.gpu:
        # GPUs are never overcommitted: both must be the same.
        requests[gpu_resource] = limits[gpu_resource] = str(resources.gpu)
    return {"requests": requests, "limits": limits}


def _service(wish: Wish) -> Manifest:
    service = wish.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(wish),
        "spec": {
            "type": service.type,
            "selector": {INSTANCE: wish.name},
            "ports": [_service_port(service)],
        },
    }


def _service_port(service: Service) -> dict[str, Any]:
    # By name: while a rollout changes the port, old and new pods both get theirs.
    port: dict[str, Any] = {
        "name": PORT_NAME,
        "port": service.port,
        "protocol": "TCP",
        "targetPort": PORT_NAME,
    }
    if service.node_port and service.type != "ClusterIP":
        port["nodePort"] = service.node_port
    return port
