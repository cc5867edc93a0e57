"""A wish to Kubernetes objects. Pure: the same wish always gives the same objects.

What we send is the whole truth of the fields we own; server-side apply leaves
fields of others alone. People choose from `k8s.spec`; everything else is
decided here, so that pods are accepted by a PodSecurity `restricted` namespace.
"""

from typing import Any, Final

from k8s.cluster import Manifest
from k8s.labels import CHANGE_CAUSE, INSTANCE, TEMPLATE
from k8s.manifests.names import (
    env_secret_name,
    label_value,
    metadata,
    registry_secret_name,
    secret_key,
    team_labels,
)
from k8s.manifests.network import POLICY_NAME, is_network, isolation
from k8s.manifests.pods import CONTAINER, GPU_RESOURCE, PORT_NAME, template
from k8s.manifests.quota import QUOTA_NAME, limit_range, quota_hard, resource_quota
from k8s.manifests.scaling import autoscaler, disruption_budget, handover, least_replicas
from k8s.manifests.secrets import placeholders, secret_objects
from k8s.manifests.text import diff, to_yaml
from k8s.spec import Rollout, Secrets, Service, Wish

__all__ = [
    "CONTAINER",
    "GPU_RESOURCE",
    "POLICY_NAME",
    "QUOTA_NAME",
    "build",
    "diff",
    "env_secret_name",
    "handover",
    "is_network",
    "isolation",
    "label_value",
    "limit_range",
    "namespace",
    "placeholders",
    "quota_hard",
    "registry_secret_name",
    "replaces_pods",
    "resource_quota",
    "secret_key",
    "template_fingerprint",
    "to_yaml",
]

# Revisions are kept here, in full: of the cluster's own, the last few are enough to come back to quickly.
OLD_REPLICA_SETS: Final = 3


def build(wish: Wish, *, secrets: Secrets | None = None, gpu_resource: str = GPU_RESOURCE) -> list[Manifest]:
    """The objects a wish means, in the order to apply them.

    Secrets, Service, Deployment, then PodDisruptionBudget and HorizontalPodAutoscaler where the
    wish has them. Without `secrets` the Secrets have no data: applied over those that a worker
    wrote, such objects change nothing. `gpu_resource` is what the cluster's nodes call a GPU.

    The revision's number is on the objects and not on the pods, which carry a
    fingerprint of their template instead: a revision that changes only the
    Service or the rollout replaces no pod, and a rollback reuses old pods.
    """
    made = [*secret_objects(wish, secrets), _service(wish), _deployment(wish, gpu_resource)]
    if least_replicas(wish) >= 2:
        made.append(disruption_budget(wish))
    if wish.autoscaling is not None:
        made.append(autoscaler(wish, wish.autoscaling))
    return made


def template_fingerprint(wish: Wish, *, gpu_resource: str = GPU_RESOURCE) -> str:
    """What pods of this wish carry as `timoneiro.dev/template`: ten characters of the template's hash."""
    return str(template(wish, gpu_resource)["metadata"]["labels"][TEMPLATE])


def replaces_pods(old: Wish, new: Wish) -> bool:
    """Whether going from one wish to the other replaces every pod, rather than none."""
    return template_fingerprint(old) != template_fingerprint(new)


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
                **team_labels(team),
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            },
        },
    }


def _deployment(wish: Wish, gpu_resource: str) -> Manifest:
    meta = metadata(wish)
    if wish.change_cause:
        meta["annotations"] = {CHANGE_CAUSE: wish.change_cause}
    # Left out, the count stays what the autoscaler made it.
    counted = {} if wish.replicas is None else {"replicas": wish.replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            **counted,
            "revisionHistoryLimit": OLD_REPLICA_SETS,
            "progressDeadlineSeconds": wish.spec.rollout.deadline_seconds,
            "strategy": _strategy(wish.spec.rollout),
            # Immutable once created, so it holds what never changes and nothing else.
            "selector": {"matchLabels": {INSTANCE: wish.name}},
            "template": template(wish, gpu_resource),
        },
    }


def _strategy(rollout: Rollout) -> dict[str, Any]:
    if rollout.strategy == "Recreate":
        return {"type": "Recreate"}
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable},
    }


def _service(wish: Wish) -> Manifest:
    service = wish.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(wish),
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
