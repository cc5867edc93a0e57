"""Secret values: sealed by whoever has no key to open them, opened by workers, shown nowhere."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers

from deployments import intent, selectors
from deployments.errors import SecretsUnavailable
from deployments.models import (
    Cluster,
    Deployment,
    Operation,
    Revision,
    SealingKey,
    SecretValue,
    TimelineEntry,
)
from deployments.sealing import SealBroken, ensure_sealing_key, seal, seal_for_workers, unseal
from deployments.secrets import secrets_of
from deployments.spec import spec_of
from k8s.manifests import to_yaml
from teams.models import AuditEntry, Team

WORD = "correct-horse-battery"
NEWER = "staple-of-the-second"


def secret(value: str | None = WORD, name: str = "API_KEY") -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"name": name, "secret": True, **given}


@pytest.fixture
def keyed(deployment: Deployment, deployer: User) -> Deployment:
    """Revision 2, with a secret variable."""
    return intent.update_deployment(deployment, {"env": [secret()]}, by=deployer).deployment


def test_web_seals_without_the_key_and_cannot_open(db: None, settings: Any) -> None:
    ensure_sealing_key()
    key, settings.ENCRYPTION_KEY = settings.ENCRYPTION_KEY, ""
    sealed = seal_for_workers(WORD)
    assert sealed != seal_for_workers(WORD)
    with pytest.raises(SealBroken):
        unseal(sealed)
    settings.ENCRYPTION_KEY = key
    assert unseal(sealed) == WORD
    assert unseal(seal("kubeconfig")) == "kubeconfig"


def test_a_damaged_or_foreign_seal_is_refused(db: None, settings: Any) -> None:
    sealed = seal_for_workers(WORD)
    for broken in (sealed[:-6] + "AAAA==", "hpke1:", "hpke2:", "hpke2:abc:!!", "nonsense"):
        with pytest.raises(SealBroken):
            unseal(broken)
    settings.ENCRYPTION_KEY = "b3RoZXIta2V5LW90aGVyLWtleS1vdGhlci1rZXktMDA="
    with pytest.raises(SealBroken):
        unseal(sealed)


def test_the_public_key_follows_the_private_one(db: None, settings: Any) -> None:
    ensure_sealing_key()
    first = SealingKey.objects.get().public_key
    ensure_sealing_key()
    assert SealingKey.objects.get().public_key == first
    settings.ENCRYPTION_KEY = "b3RoZXIta2V5LW90aGVyLWtleS1vdGhlci1rZXktMDA="
    ensure_sealing_key()
    assert SealingKey.objects.get().public_key != first
    assert unseal(seal_for_workers(WORD)) == WORD


def test_nothing_is_stored_where_nothing_can_be_sealed(
    deployment: Deployment, deployer: User, settings: Any
) -> None:
    settings.ENCRYPTION_KEY = ""
    with pytest.raises(SecretsUnavailable):
        intent.update_deployment(deployment, {"env": [secret()]}, by=deployer)
    deployment.refresh_from_db()
    assert (deployment.generation, SecretValue.objects.count()) == (1, 0)


def test_workers_get_the_values_of_the_newest_and_the_last_revision(
    keyed: Deployment, deployer: User
) -> None:
    first = secrets_of(keyed)
    assert list(first.values.values()) == [WORD]
    assert WORD not in repr(first)
    row = intent.update_deployment(keyed, {"env": [secret(NEWER)]}, by=deployer).deployment
    assert sorted(secrets_of(row).values.values()) == sorted([WORD, NEWER])
    row = intent.update_deployment(row, {"env": [secret(None)], "port": 7000}, by=deployer).deployment
    assert list(secrets_of(row).values.values()) == [NEWER]
    row = intent.update_deployment(row, {"env": []}, by=deployer).deployment
    row = intent.update_deployment(row, {"port": 7001}, by=deployer).deployment
    assert secrets_of(row).values == {}


def test_pods_of_the_last_revision_that_served_find_their_values(keyed: Deployment, deployer: User) -> None:
    Revision.objects.filter(number=2).update(served_at=keyed.created_at)
    row = keyed
    for port in (7000, 7001, 7002):
        row = intent.update_deployment(row, {"port": port, "env": []}, by=deployer).deployment
    assert list(secrets_of(row).values.values()) == [WORD]


def test_a_secret_without_a_value_keeps_the_one_it_has(keyed: Deployment, deployer: User) -> None:
    before = spec_of(keyed)
    row = intent.update_deployment(keyed, {"env": [secret(None)]}, by=deployer).deployment
    assert (spec_of(row), row.revision, SecretValue.objects.count()) == (before, 2, 1)


def test_a_rollback_brings_the_old_value_back(keyed: Deployment, deployer: User) -> None:
    old = keyed.spec["env"][0]["ref"]
    row = intent.update_deployment(keyed, {"env": [secret(NEWER)]}, by=deployer).deployment
    assert row.spec["env"][0]["ref"] != old
    row = intent.rollback(row, 2, by=deployer).deployment
    assert row.spec["env"][0]["ref"] == old
    assert secrets_of(row).values[f"API_KEY.{old}"] == WORD


def test_values_are_nowhere_in_clear(
    team: Team, cluster: Cluster, house: object, deployer: User, caplog: pytest.LogCaptureFixture
) -> None:
    payload = {"name": "h", "model": "house", "version": "1.0", "env": [secret()]}
    preview = intent.draft(team, payload, by=deployer)
    row = intent.create_deployment(team, payload, by=deployer).deployment
    change = {"env": [secret(NEWER)]}
    repeat = intent.draft_change(row, change, by=deployer)
    row = intent.update_deployment(row, change, by=deployer).deployment
    kept = [
        serializers.serialize("json", kind.objects.all())
        for kind in (Deployment, Revision, Operation, TimelineEntry, AuditEntry, SecretValue)
    ]
    shown = [
        to_yaml(selectors.manifests_of(row)),
        repr(preview),
        repr(repeat),
        selectors.diff_revisions(*row.revisions.all()[:2]),
        json.dumps([entry.text for entry in row.timeline.all()]),
        caplog.text,
    ]
    for text in (*kept, *shown):
        assert WORD not in text
        assert NEWER not in text
    assert any("API_KEY (secret) changed" in entry.text for entry in row.timeline.all())
