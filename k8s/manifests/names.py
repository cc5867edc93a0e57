"""Names and labels of the objects of a wish."""

import hashlib
import re
from typing import Any, Final

from k8s.labels import INSTANCE, MANAGED_BY, MODEL, MODEL_VERSION, REVISION, TEAM
from k8s.spec import EnvVar, Wish

_REGISTRY_PREFIX: Final = "timoneiro-registry-"


def label_value(text: str) -> str:
    """`text` as a label may hold it: at most 63 of letters, digits, "-", "_" and ".", "+" becoming "_"."""
    kept = re.sub(r"[^A-Za-z0-9._-]", "_", text)[:63]
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", kept)


def env_secret_name(deployment: str) -> str:
    """The Secret that holds a deployment's secret variables."""
    return f"{deployment}-env"


def secret_key(variable: EnvVar) -> str:
    """A secret variable's key in that Secret: a value that is set anew gets a key of its own."""
    return f"{variable.name}.{variable.ref}"


def registry_secret_name(registry: str) -> str:
    """The Secret with a team's login to a registry ("registry.example.com:5000"), one in each namespace."""
    slug = re.sub(r"[^a-z0-9]+", "-", registry.lower()).strip("-")[:36]
    # Two registries may look alike when written in the letters of a name.
    return f"{_REGISTRY_PREFIX}{slug}-{hashlib.sha256(registry.encode()).hexdigest()[:6]}"


def labels(wish: Wish) -> dict[str, str]:
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


def team_labels(team: str) -> dict[str, str]:
    """Of what a team's deployments share."""
    return {"app.kubernetes.io/managed-by": MANAGED_BY, TEAM: label_value(team)}


def metadata(wish: Wish, name: str = "") -> dict[str, Any]:
    """Of an object that belongs to one deployment and, unless `name` says otherwise, is called like it."""
    return {
        "name": name or wish.name,
        "namespace": wish.namespace,
        "labels": {**labels(wish), REVISION: str(wish.revision)},
    }
