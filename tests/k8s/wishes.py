"""Wishes that several tests start from."""

from typing import Any

import msgspec

from k8s.cluster import Manifest
from k8s.manifests import build
from k8s.spec import Resources, Rollout, Service, Spec, Wish

SPEC = Spec(
    model="house",
    version="1.0",
    image="local/house:1.0",
    port=5001,
    resources=Resources(cpu="100m", memory="64Mi", cpu_limit="500m", memory_limit="128Mi"),
    service=Service(type="NodePort", port=5001, node_port=30001),
    rollout=Rollout(),
)
WISH = Wish(team="pricing", name="house-prices", namespace="pricing", revision=2, replicas=2, spec=SPEC)


def changed(*, spec: dict[str, Any] | None = None, **fields: Any) -> Wish:
    """The ordinary wish with other fields, or with other fields of its spec."""
    return msgspec.structs.replace(WISH, spec=msgspec.structs.replace(SPEC, **(spec or {})), **fields)


def built(wish: Wish, kind: str = "Deployment") -> Manifest:
    """The one object of that kind that a wish becomes."""
    (found,) = (manifest for manifest in build(wish) if manifest["kind"] == kind)
    return found
