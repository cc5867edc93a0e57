"""Secret objects. In clear only where a worker writes them; anywhere else without their data."""

import base64
import json
from typing import Any, Final

from k8s.cluster import Manifest
from k8s.manifests.names import env_secret_name, metadata, registry_secret_name, secret_key, team_labels
from k8s.manifests.pods import uses_secrets
from k8s.spec import PullCredentials, Secrets, Wish

_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
# Under what kubelets look for Docker Hub's login, wherever it is today.
_DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"


def secret_objects(wish: Wish, secrets: Secrets | None) -> list[Manifest]:
    """The Secrets that pods of a wish name; one also where `secrets` has values for pods of before."""
    made: list[Manifest] = []
    if uses_secrets(wish.spec) or (secrets and secrets.values):
        made.append(_env_secret(wish, secrets))
    if wish.spec.registry:
        made.append(_registry_secret(wish, secrets.pull if secrets else None))
    return made


def placeholders(wish: Wish) -> Secrets:
    """Values that mean nothing, for asking a cluster whether it would accept the objects of a wish."""
    values = {secret_key(variable): "x" for variable in wish.spec.env if variable.secret}
    registry = wish.spec.registry
    pull = PullCredentials(registry=registry, username="x", password="x") if registry else None  # noqa: S106
    return Secrets(values=values, pull=pull)


def _env_secret(wish: Wish, secrets: Secrets | None) -> Manifest:
    made: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(wish, env_secret_name(wish.name)),
        "type": "Opaque",
    }
    if secrets is not None:
        made["data"] = {key: _base64(text) for key, text in sorted(secrets.values.items())}
    return made


def _registry_secret(wish: Wish, pull: PullCredentials | None) -> Manifest:
    made: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        # Shared by all deployments of the team in this namespace: nothing of this one is on it.
        "metadata": {
            "name": registry_secret_name(wish.spec.registry),
            "namespace": wish.namespace,
            "labels": team_labels(wish.team),
        },
        "type": "kubernetes.io/dockerconfigjson",
    }
    if pull is not None:
        made["data"] = {".dockerconfigjson": _base64(json.dumps(_docker_config(pull), sort_keys=True))}
    return made


def _docker_config(pull: PullCredentials) -> dict[str, Any]:
    key = _DOCKER_HUB_KEY if pull.registry in _DOCKER_HUB else pull.registry
    login = {
        "username": pull.username,
        "password": pull.password,
        "auth": _base64(f"{pull.username}:{pull.password}"),
    }
    return {"auths": {key: login}}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
