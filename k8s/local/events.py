"""Events as the components of a real cluster write them: repeats counted, forgotten after an hour."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from k8s.local.errors import ApiError
from k8s.local.kinds import BY_TYPE
from k8s.local.store import Object, Store, timestamp

KEEP_SECONDS: Final = 3600
#: One machine's memory is no etcd: of more than this, the oldest go before their hour is over.
KEEP_EVENTS: Final = 5_000
#: So many new ones do not wait for the next sweep.
MANY_NEW: Final = 1_000
#: A repeat after this long is a new event, as in client-go's correlator.
FOLD_SECONDS: Final = 600
SWEEP_SECONDS: Final = 60


class Events:
    """Writes events about objects."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[tuple[str, ...], tuple[str, float]] = {}
        self._new = 0

    def emit(self, about: Object, kind: str, reason: str, message: str, *, by: str, field: str = "") -> None:
        """Say that something happened to an object.

        Args:
            about: the object; it must carry kind and apiVersion.
            kind: "Normal" or "Warning".
            by: the component that says so, e.g. "kubelet".
            field: the part of the object, e.g. "spec.containers{server}".
        """
        meta = about["metadata"]
        namespace = meta.get("namespace") or "default"
        key = (meta["uid"], field, kind, reason, message, by)
        name, since = self._names.get(key, ("", 0.0))
        if name and time.monotonic() - since < FOLD_SECONDS and self._store.find("events", namespace, name):
            self._store.update("events", namespace, name, _count_one_more)
            return
        event = _event(about, namespace, kind, reason, message, by, field)
        now = timestamp()
        event |= {"firstTimestamp": now, "lastTimestamp": now, "count": 1, "eventTime": None}
        self._names[key] = (event["metadata"]["name"], time.monotonic())
        self._create(namespace, event)

    def emit_once(self, about: Object, kind: str, reason: str, message: str, *, by: str, action: str) -> None:
        """In the newer form that the scheduler uses: eventTime instead of a count and two timestamps."""
        namespace = about["metadata"].get("namespace") or "default"
        event = _event(about, namespace, kind, reason, message, by, "")
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event |= {"firstTimestamp": None, "lastTimestamp": None, "eventTime": moment, "action": action}
        event |= {"reportingInstance": f"{by}-local", "source": {}}
        self._create(namespace, event)

    def forget_old(self) -> None:
        """Remove what is older than an hour, and the oldest of what is more than `KEEP_EVENTS`."""
        self._new = 0
        oldest = (datetime.now(UTC) - timedelta(seconds=KEEP_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")
        newest_first = sorted(self._store.list("events"), key=_last_seen, reverse=True)
        kept = [event for event in newest_first[:KEEP_EVENTS] if _last_seen(event) >= oldest]
        for event in newest_first[len(kept) :]:
            self._store.remove("events", event["metadata"]["namespace"], event["metadata"]["name"])
        names = {event["metadata"]["name"] for event in kept}
        self._names = {key: entry for key, entry in self._names.items() if entry[0] in names}

    def _create(self, namespace: str, event: Object) -> None:
        # A namespace that is going away takes no more events, and nothing depends on one.
        home = self._store.find("namespaces", "", namespace)
        if home is not None and "deletionTimestamp" in home["metadata"]:
            return
        try:
            self._store.create("events", event)
        except ApiError:
            return
        self._new += 1
        if self._new >= MANY_NEW:
            self.forget_old()


def _event(
    about: Object, namespace: str, kind: str, reason: str, message: str, by: str, field: str
) -> Object:
    meta = about["metadata"]
    involved = {
        "kind": about["kind"],
        "apiVersion": about["apiVersion"],
        "name": meta["name"],
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }
    if BY_TYPE[about["apiVersion"], about["kind"]].namespaced:
        involved["namespace"] = namespace
    if field:
        involved["fieldPath"] = field
    source = {"component": by}
    if by == "kubelet" and (node := about.get("spec", {}).get("nodeName")):
        source["host"] = node
    return {
        "metadata": {"name": f"{meta['name']}.{time.time_ns():x}", "namespace": namespace},
        "involvedObject": involved,
        "type": kind,
        "reason": reason,
        "message": message,
        "source": source,
        "reportingComponent": by,
        "reportingInstance": source.get("host", ""),
    }


def _last_seen(event: Object) -> str:
    return str(event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])


def _count_one_more(event: Object) -> None:
    event["count"] = event.get("count", 1) + 1
    event["lastTimestamp"] = timestamp()
