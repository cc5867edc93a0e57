"""The store by itself: versions, history, subscriptions, quantities and ages."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from k8s.local import amounts, errors
from k8s.local.events import Events
from k8s.local.persistence import SqliteJournal
from k8s.local.registry import Registry
from k8s.local.server.durations import human_duration
from k8s.local.store import Object, Store


def a_pod(name: str = "p", **spec: object) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {**spec}}


def test_each_change_has_a_version_of_its_own_and_nothing_is_no_change() -> None:
    store = Store()
    created = store.create("pods", a_pod())
    same = store.update("pods", "default", "p", lambda pod: pod["spec"].update({}))
    assert same is created
    changed = store.update("pods", "default", "p", lambda pod: pod["spec"].update(activeDeadlineSeconds=9))
    assert int(changed["metadata"]["resourceVersion"]) == int(created["metadata"]["resourceVersion"]) + 1
    assert (created["metadata"]["generation"], changed["metadata"]["generation"]) == (1, 2)
    assert "activeDeadlineSeconds" not in created["spec"]


def test_a_change_that_fails_leaves_the_object_as_it_was() -> None:
    store = Store()
    store.create("pods", a_pod())

    def change(pod: Object) -> None:
        pod["spec"]["nodeName"] = "n"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.update("pods", "default", "p", change)
    assert store.get("pods", "default", "p")["spec"] == {}


def test_history_older_than_its_limit_is_expired() -> None:
    store = Store(history_per_kind=2)
    versions = [int(store.create("pods", a_pod(name))["metadata"]["resourceVersion"]) for name in "abc"]
    assert [change.key[2] for change in store.changes_since("pods", versions[0])] == ["b", "c"]
    with pytest.raises(errors.Expired):
        store.changes_since("pods", versions[0] - 1)
    # The history of one kind does not push out that of another.
    assert store.changes_since("services", 0) == []


async def test_a_subscriber_that_falls_too_far_behind_is_cut_off_and_others_are_not() -> None:
    store = Store()
    slow, patient = store.subscribe(["pods"], limit=2), store.subscribe(["pods"])
    for name in "abc":
        store.create("pods", a_pod(name))
    assert slow.overflowed
    assert [change async for change in slow] == []
    assert [change.key[2] for change in patient.take()] == ["a", "b", "c"]
    patient.close()
    assert not await patient.wait()


def test_a_shorter_grace_brings_the_end_forward() -> None:
    store = Store()
    store.create("pods", a_pod(nodeName="n"))
    long = store.delete("pods", "default", "p", grace_seconds=60)
    short = store.delete("pods", "default", "p", grace_seconds=5)
    later = store.delete("pods", "default", "p", grace_seconds=600)
    assert short["metadata"]["deletionTimestamp"] < long["metadata"]["deletionTimestamp"]
    assert later == short


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("2000", "2k"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1e3", "1e3"),
        ("0", "0"),
        ("100M", "100M"),
        ("1Ki", "1Ki"),
        ("0.0000000001", "1n"),
        ("0.1Mi", "104858"),
        ("1E", "1E"),
        ("9000000Ei", "9000000Ei"),
    ],
)
def test_quantities_are_spelled_as_the_server_spells_them(written: str, canonical: str) -> None:
    assert amounts.canonical(written) == canonical


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (119, "119s"), (131, "2m11s"), (600, "10m"), (9000, "150m"), (25200, "7h"), (90000, "25h")],
)
def test_ages_are_shown_as_kubectl_shows_them(seconds: float, shown: str) -> None:
    assert human_duration(seconds) == shown


def test_a_flood_of_events_does_not_wait_for_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("k8s.local.events.KEEP_EVENTS", 10)
    monkeypatch.setattr("k8s.local.events.MANY_NEW", 5)
    store = Store()
    pod = store.create("pods", a_pod())
    events = Events(store)
    for number in range(103):
        events.emit(pod, "Normal", "Told", f"number {number}", by="kubelet")
    kept = [event["message"] for event in store.list("events")]
    assert len(kept) == 13
    assert {"number 102", "number 101", "number 100"} <= set(kept)


def test_who_owns_a_field_is_known_after_a_restart(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "state.sqlite3")
    wanted = {"metadata": {"name": "c", "namespace": "default"}, "data": {"x": "1"}}
    registry = Registry(Store(journal))
    registry.store.create("namespaces", {"metadata": {"name": "default"}})
    before = registry.create("configmaps", wanted, manager="first")
    journal.close()
    journal = SqliteJournal(tmp_path / "state.sqlite3")
    try:
        registry = Registry(Store(journal))
        restored = registry.store.get("configmaps", "default", "c")
        assert msgspec.json.encode(restored) == msgspec.json.encode(before)
        other = {"apiVersion": "v1", "kind": "ConfigMap", **wanted, "data": {"x": "2"}}
        with pytest.raises(errors.Conflict, match=r'conflict with "first" using v1: \.data\.x'):
            registry.apply("configmaps", "default", "c", other, manager="second", force=False)
    finally:
        journal.close()


def test_the_side_file_of_a_busy_journal_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k8s.local.persistence.CHECKPOINT_SECONDS", 0.01)
    monkeypatch.setattr("k8s.local.persistence.LARGEST_SIDE_FILE_BYTES", 256 * 1024)
    journal = SqliteJournal(tmp_path / "state.sqlite3")
    store = Store(journal)
    store.create("pods", a_pod())
    side, largest, deadline = tmp_path / "state.sqlite3-wal", 0, time.monotonic() + 30
    while (size := side.stat().st_size) >= largest:
        largest = size
        assert time.monotonic() < deadline, f"{largest} bytes and still growing"
        store.update("pods", "default", "p", lambda pod: pod["spec"].update(number=store.resource_version))
    written = store.resource_version
    journal.close()
    journal = SqliteJournal(tmp_path / "state.sqlite3")
    assert Store(journal).get("pods", "default", "p")["spec"]["number"] == written - 1
    journal.close()
