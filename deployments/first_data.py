"""What a new installation begins with: keys, sizes, a team, accounts, a cluster, the sample models.

Runs at each start: what is there stays as it is, except the cluster's
credentials, which follow the kubeconfig.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from deployments.models import Cluster, ClusterState, Model, ModelVersion, Namespace, SizePreset
from deployments.sealing import SealBroken, ensure_sealing_key, seal, unseal
from deployments.spec.sizes import first_sizes
from k8s.connect import IN_CLUSTER, load_kubeconfig
from teams import audit
from teams.models import Membership, Team
from teams.roles import Role

TEAM = "pricing"
ACCOUNTS: tuple[tuple[str, Role], ...] = (
    ("deployer", Role.DEPLOYER),
    ("viewer", Role.VIEWER),
    ("lead", Role.LEAD),
    ("admin", Role.LEAD),
)
_SUPERUSERS = ("admin",)
_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Sample:
    model: str
    task: str
    description: str
    framework: str
    versions: dict[str, list[Any]]
    """Each version's sample instances."""


_SAMPLES: tuple[_Sample, ...] = (
    _Sample(
        "house",
        "regression",
        "House prices from lot size, bedrooms, bathrooms and stories",
        "linear regression",
        {
            "1.0": [{"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}],
            "2.0": [{"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2, "garage": 1, "aircon": 0}],
        },
    ),
    _Sample(
        "iris",
        "classification",
        "Which of three iris species, from four lengths in centimetres",
        "logistic regression",
        {"1.0": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]},
    ),
    _Sample(
        "sentiment",
        "text classification",
        "Whether an English text is positive or negative",
        "logistic regression",
        {"1.0": ["I love this, it works perfectly", "A dull film and a waste of money"]},
    ),
)


def ensure_first_data(*, kubeconfig: Path | None, context: str, data_dir: Path) -> None:
    """Creates what is missing; safe to repeat.

    A `kubeconfig` of the name "in-cluster" is no file: it means the cluster that we run in, which
    is then called what `context` says.

    Raises:
        UnusableCredentials, SealBroken, OSError: the kubeconfig cannot be used, stored or read.
    """
    with transaction.atomic():
        ensure_sealing_key()
        if not SizePreset.objects.exists():
            SizePreset.objects.bulk_create(first_sizes())
        team, _ = Team.objects.get_or_create(name=TEAM, defaults={"title": "Pricing"})
        passwords = _ensure_accounts(team)
        if passwords:
            # Inside the transaction: accounts whose passwords nobody knows are not kept.
            _write_passwords(data_dir / "passwords", passwords)
        if kubeconfig is not None:
            text = IN_CLUSTER if str(kubeconfig) == IN_CLUSTER else kubeconfig.read_text()
            _ensure_cluster(team, text, context)
        if not Model.objects.filter(team=team).exists():
            _create_samples(team)


def _ensure_accounts(team: Team) -> dict[str, str]:
    passwords: dict[str, str] = {}
    if User.objects.exists():
        return passwords
    for name, role in ACCOUNTS:
        passwords[name] = secrets.token_urlsafe(_PASSWORD_BYTES)
        is_admin = name in _SUPERUSERS
        user = User.objects.create_user(
            name, password=passwords[name], is_staff=is_admin, is_superuser=is_admin
        )
        Membership.objects.create(team=team, user=user, role=role.value)
        audit.record("first start", "create account", name, team=team.name, detail={"role": role.value})
    return passwords


def _write_passwords(path: Path, passwords: dict[str, str]) -> None:
    lines = "".join(f"{name} {password}\n" for name, password in passwords.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    # Never readable by others, not even between creation and chmod.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(lines)


def _ensure_cluster(team: Team, text: str, context: str) -> None:
    if text == IN_CLUSTER:
        # The API server's address inside is nobody's way to a node port: an admin says which is.
        stored, node_address = text, ""
        name = _cluster_name(context or IN_CLUSTER)
    else:
        access = load_kubeconfig(text, context=context)
        stored, node_address = access.as_kubeconfig(), urlsplit(access.server).hostname or ""
        name = _cluster_name(access.context)
    cluster, _ = Cluster.objects.get_or_create(name=name)
    if cluster.state != ClusterState.DISCONNECTED and _opened(cluster) != stored:
        cluster.credentials = seal(stored)
        cluster.state = ClusterState.UNKNOWN
    cluster.node_address = cluster.node_address or node_address
    cluster.save(update_fields=["credentials", "state", "node_address"])
    Namespace.objects.get_or_create(cluster=cluster, team=team, defaults={"name": team.name})


def _cluster_name(context: str) -> str:
    """The context's name as a slug, "timoneiro-local" being called just "local"."""
    context = context.removeprefix("timoneiro-")
    slug = "".join(char if char.isascii() and char.isalnum() else "-" for char in context.lower())
    return slug.strip("-")[:40].strip("-") or "local"


def _opened(cluster: Cluster) -> str | None:
    if not cluster.credentials:
        return None
    try:
        return unseal(cluster.credentials)
    except SealBroken:
        return None


def _create_samples(team: Team) -> None:
    for sample in _SAMPLES:
        model = Model.objects.create(
            team=team, name=sample.model, task=sample.task, description=sample.description
        )
        for version, instances in sample.versions.items():
            ModelVersion.objects.create(
                model=model,
                version=version,
                image=f"local/{sample.model}:{version}",
                framework=sample.framework,
                port=5001,
                health_path="/healthz",
                sample_request={
                    "path": f"/v1/models/{sample.model}:predict",
                    "method": "POST",
                    "body": {"instances": instances},
                },
            )
