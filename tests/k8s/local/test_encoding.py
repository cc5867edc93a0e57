"""Encoded objects: shared while there is room, never more than the room."""

from typing import Any

import msgspec

from k8s.local.kinds import kind_of
from k8s.local.server.encoding import Encoder

SECRETS = kind_of("secrets")


def a_secret(version: int, size: int, uid: str = "") -> dict[str, Any]:
    meta = {"name": "s", "uid": uid or f"uid-{version}", "resourceVersion": str(version)}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "data": {"x": "y" * size}}


def test_one_version_is_encoded_once() -> None:
    encoder = Encoder()
    first = encoder.item(SECRETS, a_secret(1, 100))
    assert encoder.item(SECRETS, a_secret(1, 100)) is first
    assert msgspec.json.decode(encoder.whole(SECRETS, a_secret(1, 100))) == a_secret(1, 100)


def test_the_oldest_make_room_however_large_the_newest_are() -> None:
    encoder = Encoder(kept_bytes=10_000)
    old = encoder.item(SECRETS, a_secret(1, 100))
    recent = encoder.item(SECRETS, a_secret(2, 100))
    encoder.item(SECRETS, a_secret(3, 9_700))
    assert encoder.item(SECRETS, a_secret(2, 100)) is recent
    assert encoder.item(SECRETS, a_secret(1, 100)) is not old


def test_what_is_larger_than_all_room_is_encoded_all_the_same() -> None:
    encoder = Encoder(kept_bytes=1_000)
    for version in (1, 2):
        assert msgspec.json.decode(encoder.whole(SECRETS, a_secret(version, 5_000)))["data"]["x"]
    kept = encoder.item(SECRETS, a_secret(3, 100))
    assert encoder.item(SECRETS, a_secret(3, 100)) is kept


def test_only_the_newest_version_of_an_object_is_kept() -> None:
    encoder = Encoder()
    old = encoder.item(SECRETS, a_secret(1, 100, uid="s"))
    new = encoder.item(SECRETS, a_secret(2, 200, uid="s"))
    assert encoder.item(SECRETS, a_secret(1, 100, uid="s")) == old
    assert encoder.item(SECRETS, a_secret(2, 200, uid="s")) is new


def test_nothing_is_kept_of_what_is_gone() -> None:
    encoder = Encoder(kept_bytes=10_000)
    kept = encoder.item(SECRETS, a_secret(1, 100))
    for version in range(2, 100):
        encoder.item(SECRETS, a_secret(version, 1_000))
        encoder.forget(f"uid-{version}")
    assert encoder.item(SECRETS, a_secret(1, 100)) is kept


def test_what_has_no_version_is_encoded_anew_each_time() -> None:
    encoder = Encoder()
    for value in ("a", "b"):
        said = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s", "uid": "s"}, "type": value}
        assert msgspec.json.decode(encoder.whole(SECRETS, said)) == said
