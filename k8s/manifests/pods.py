"""The pod template of a wish: accepted where PodSecurity is `restricted`, unless root was asked for."""

import hashlib
import json
from typing import Any, Final

from k8s.labels import RESTARTED_AT, TEMPLATE
from k8s.manifests.names import env_secret_name, labels, registry_secret_name, secret_key
from k8s.spec import EnvVar, Placement, Resources, Security, Spec, Toleration, Wish

CONTAINER: Final = "server"
PORT_NAME: Final = "http"
GPU_RESOURCE: Final = "nvidia.com/gpu"
HOME: Final = "/tmp"  # noqa: S108  an emptyDir of the pod, not this machine's
# Endpoints forget a pod some time after it is told to stop: until then it keeps serving.
DRAIN_SECONDS: Final = 5
STOP_SECONDS: Final = 30


def template(wish: Wish, gpu_resource: str) -> dict[str, Any]:
    """The template, labelled with a fingerprint of all the rest of it.

    A field that is at its default is left out: else every pod of every deployment would be
    replaced by a new version of this program that knows the field.
    """
    metadata: dict[str, Any] = {"labels": labels(wish)}
    if wish.restarted_at:
        metadata["annotations"] = {RESTARTED_AT: wish.restarted_at}
    made = {"metadata": metadata, "spec": _pod_spec(wish, gpu_resource)}
    canonical = json.dumps(made, sort_keys=True, separators=(",", ":")).encode()
    metadata["labels"][TEMPLATE] = hashlib.sha256(canonical).hexdigest()[:10]
    return made


def _pod_spec(wish: Wish, gpu_resource: str) -> dict[str, Any]:
    spec = wish.spec
    made: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": _pod_security(spec.security),
    }
    if spec.registry:
        made["imagePullSecrets"] = [{"name": registry_secret_name(spec.registry)}]
    if spec.placement is not None:
        made |= _placement(spec.placement)
    made["containers"] = [_container(wish, gpu_resource)]
    made["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    return made


def _pod_security(security: Security) -> dict[str, Any]:
    return {
        # Most model images are built to run as root and would be refused without a user.
        "runAsNonRoot": security.run_as_user != 0,
        "runAsUser": security.run_as_user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _placement(placement: Placement) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if placement.node_selector:
        made["nodeSelector"] = dict(placement.node_selector)
    if placement.tolerations:
        made["tolerations"] = [_toleration(each) for each in placement.tolerations]
    return made


def _toleration(toleration: Toleration) -> dict[str, str]:
    made = {"key": toleration.key, "operator": toleration.operator}
    # `Exists` with a value is refused.
    if toleration.operator == "Equal":
        made["value"] = toleration.value
    if toleration.effect:
        made["effect"] = toleration.effect
    return {name: text for name, text in made.items() if text or name == "value"}


def _container(wish: Wish, gpu_resource: str) -> dict[str, Any]:
    spec = wish.spec
    check = {"httpGet": {"path": spec.health_path, "port": PORT_NAME}}
    return {
        "name": CONTAINER,
        "image": spec.image,
        "ports": [{"name": PORT_NAME, "containerPort": spec.port, "protocol": "TCP"}],
        "env": _environment(wish),
        "resources": _resources(spec.resources, gpu_resource),
        "securityContext": _container_security(spec.security),
        # Asked each second only until the first answer, so that a pod is used as
        # soon as it can be; afterwards the slower two take over.
        "startupProbe": {
            **check,
            "periodSeconds": 1,
            "timeoutSeconds": 2,
            "failureThreshold": spec.start_seconds,
        },
        "readinessProbe": {**check, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3},
        # Patient: a model busy with a long request is not a dead one.
        "livenessProbe": {**check, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": [{"name": "tmp", "mountPath": HOME}],
    }


def _container_security(security: Security) -> dict[str, Any]:
    made: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    if security.read_only_root:
        # HOME, and what programs write for a moment, is a volume and stays writable.
        made["readOnlyRootFilesystem"] = True
    return made


def _environment(wish: Wish) -> list[dict[str, Any]]:
    chosen = [_variable(wish.name, variable) for variable in wish.spec.env]
    # Names are the keys of this list for server-side apply: one must not come twice.
    if any(variable.name == "HOME" for variable in wish.spec.env):
        return chosen
    return [{"name": "HOME", "value": HOME}, *chosen]


def _variable(deployment: str, variable: EnvVar) -> dict[str, Any]:
    if not variable.secret:
        return {"name": variable.name, "value": variable.value}
    source = {"name": env_secret_name(deployment), "key": secret_key(variable)}
    return {"name": variable.name, "valueFrom": {"secretKeyRef": source}}


def _resources(resources: Resources, gpu_resource: str) -> dict[str, dict[str, str]]:
    requests = {"cpu": resources.cpu, "memory": resources.memory}
    limits = {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
    if resources.gpu:
        # GPUs are never overcommitted: both must be the same.
        requests[gpu_resource] = limits[gpu_resource] = str(resources.gpu)
    return {"requests": requests, "limits": limits}


def uses_secrets(spec: Spec) -> bool:
    """Whether any variable of it is secret."""
    return any(variable.secret for variable in spec.env)
