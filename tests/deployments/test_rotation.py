"""Another key for all that is sealed: in batches, again and again, while others write."""

import base64
import io
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import models

from deployments import intent, rotation
from deployments.models import Cluster, Deployment, RegistryCredential, SecretValue
from deployments.sealing import (
    SealBroken,
    ensure_sealing_key,
    held_keys,
    key_id_of,
    seal,
    seal_for_workers,
    unseal,
    use_first_key,
)
from teams.models import AuditEntry, Team

pytestmark = pytest.mark.django_db
WORD = "canary-4711"


def made_key(letter: bytes) -> str:
    return base64.urlsafe_b64encode(letter * 32).decode()


OLD, NEW = made_key(b"o"), made_key(b"n")


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.ENCRYPTION_KEY = OLD
    ensure_sealing_key()


@pytest.fixture
def kept(team: Team, lead: User, deployment: Deployment, cluster: Cluster) -> int:
    """Sealed values of four kinds, made as they are made; how many."""
    env = [{"name": name, "secret": True, "value": WORD} for name in ("API_KEY", "DB_PASSWORD")]
    intent.update_deployment(deployment, {"env": env}, by=lead)
    intent.set_registry(team, {"registry": "ghcr.io", "username": "a", "password": WORD}, by=lead)
    intent.create_webhook(team, {"url": "https://8.8.8.8/", "events": ["deployment.failed"]}, by=lead)
    Cluster.objects.filter(pk=cluster.pk).update(credentials=seal(WORD))
    return 5


def all_sealed() -> list[str]:
    return [
        sealed
        for model, column in rotation.SEALED
        for sealed in model._default_manager.values_list(column, flat=True)
        if sealed
    ]


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_key", stdout=out)
    return out.getvalue()


def test_every_sealed_column_is_known() -> None:
    columns = {
        (model, field.name)
        for model in apps.get_app_config("deployments").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.TextField) and ("sealed" in field.name or field.name == "credentials")
    }
    assert columns == set(rotation.SEALED)


def test_with_a_key_behind_the_first_all_opens_and_afterwards_the_old_one_is_needed_no_more(
    kept: int, settings: Any
) -> None:
    settings.ENCRYPTION_KEY = f"{NEW},{OLD}"
    # Processes are started anew one after the other: until all know the new key nothing is sealed with it.
    ensure_sealing_key()
    assert key_id_of(seal_for_workers(WORD)) == key_id_of(seal(WORD)) == held_keys()[1].id
    assert "Everything is sealed" in rotate()
    assert {key_id_of(sealed) for sealed in all_sealed()} == {held_keys()[0].id}
    assert key_id_of(seal_for_workers(WORD)) == key_id_of(seal(WORD)) == held_keys()[0].id
    settings.ENCRYPTION_KEY = NEW
    opened = [unseal(sealed) for sealed in all_sealed()]
    assert (len(opened), opened.count(WORD)) == (kept, kept - 1)
    entry = AuditEntry.objects.get(action="rotate key")
    assert (entry.target, entry.detail) == (held_keys()[0].id, {"values": kept})
    rotate()
    assert AuditEntry.objects.filter(action="rotate key").count() == 1


def test_what_was_broken_off_goes_on_and_a_change_meanwhile_is_kept(
    kept: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 1)
    settings.ENCRYPTION_KEY = f"{NEW},{OLD}"
    batches = rotation.seal_anew(use_first_key())
    assert next(batches).done == 1
    batches.close()
    again = rotation.seal_anew(held_keys()[0])
    next(again)
    RegistryCredential.objects.update(sealed_password=seal_for_workers("newer"))
    assert list(again)[-1].done == kept - 2
    assert unseal(RegistryCredential.objects.get().sealed_password) == "newer"
    assert {key_id_of(sealed) for sealed in all_sealed()} == {held_keys()[0].id}


def test_a_key_that_is_still_needed_is_not_dropped_unseen(kept: int, settings: Any) -> None:
    old = held_keys()[0].id
    settings.ENCRYPTION_KEY = NEW
    assert rotation.lost_keys() == {old: kept}
    with pytest.raises(CommandError, match=f"{kept} with key {old}"):
        rotate()
    with pytest.raises(CommandError, match="despite-lost-keys"):
        call_command("prepare")
    settings.ENCRYPTION_KEY = f"{NEW},{OLD}"
    rotate()
    settings.ENCRYPTION_KEY = NEW
    call_command("prepare", stdout=io.StringIO())


def test_what_an_earlier_version_sealed_opens_and_is_rotated(kept: int, settings: Any) -> None:
    for row in SecretValue.objects.all():
        row.sealed = f"hpke1:{row.sealed.rpartition(':')[2]}"
        row.save()
    Cluster.objects.update(credentials=seal(WORD).rpartition(":")[2])
    settings.ENCRYPTION_KEY = f"{NEW},{OLD}"
    assert rotation.lost_keys() == {}
    rotate()
    settings.ENCRYPTION_KEY = NEW
    assert {unseal(sealed) for sealed in SecretValue.objects.values_list("sealed", flat=True)} == {WORD}
    assert unseal(Cluster.objects.get().credentials) == WORD


def test_a_key_that_is_none_is_said_so(settings: Any) -> None:
    settings.ENCRYPTION_KEY = f"{NEW},short"
    with pytest.raises(SealBroken, match="32 bytes"):
        held_keys()
    with pytest.raises(CommandError, match="32 bytes"):
        rotate()
