"""EndpointSlices and Endpoints: which pods stand behind each Service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from k8s.local.controllers.loop import Controller, key_of, owner_reference
from k8s.local.controllers.pods import is_ready, random_suffix
from k8s.local.kubelet.probes import port_number
from k8s.local.store import Change, Key, Object, Store, timestamp

SLICES: Final = "endpointslices.discovery.k8s.io"
MANAGER: Final = "kube-controller-manager"
SERVICE_LABEL: Final = "kubernetes.io/service-name"
MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
TRIGGER_TIME: Final = "endpoints.kubernetes.io/last-change-trigger-time"


class EndpointsController(Controller):
    """Keeps one EndpointSlice and one Endpoints object per Service that selects pods."""

    watches = ("services", "pods", SLICES, "endpoints")

    def __init__(self, store: Store) -> None:
        super().__init__(store)

    def initial(self) -> Iterable[Key]:
        return [key_of("services", service) for service in self.store.list("services")]

    def concerns(self, change: Change) -> Iterable[Key]:
        kind, namespace, name = change.key
        if kind == "services":
            return [change.key]
        if kind == "endpoints":
            return [("services", namespace, name)] if change.type == "DELETED" else []
        labels = change.object["metadata"].get("labels") or {}
        if kind == SLICES:
            return (
                [("services", namespace, labels.get(SERVICE_LABEL, ""))] if change.type == "DELETED" else []
            )
        states = [labels]
        if change.previous is not None:
            states.append(change.previous["metadata"].get("labels") or {})
        return [
            key_of("services", service)
            for service in self.store.list("services", namespace)
            if any(_selects(service, labels) for labels in states)
        ]

    def reconcile(self, key: Key) -> float | None:
        _, namespace, name = key
        service = self.store.find(*key)
        if (
            service is None
            or not service["spec"].get("selector")
            or "deletionTimestamp" in service["metadata"]
        ):
            if service is None:
                self._remove(namespace, name)
            return None
        pods = [
            pod
            for pod in self.store.list("pods", namespace)
            if _selects(service, pod["metadata"].get("labels") or {}) and _has_address(pod)
        ]
        self._store_slices(service, pods)
        self._store_endpoints(service, pods)
        return None

    def _remove(self, namespace: str, name: str) -> None:
        self.store.remove("endpoints", namespace, name)
        for found in self._slices(namespace, name):
            self.store.remove(SLICES, namespace, found["metadata"]["name"])

    def _slices(self, namespace: str, service: str) -> list[Object]:
        return [
            one
            for one in self.store.list(SLICES, namespace)
            if (one["metadata"].get("labels") or {}).get(SERVICE_LABEL) == service
            and one["metadata"]["labels"].get(MANAGED_BY) == "endpointslice-controller.k8s.io"
        ]

    def _store_slices(self, service: Object, pods: list[Object]) -> None:
        meta = service["metadata"]
        by_ports: dict[tuple[tuple[str, int, str], ...], list[Object]] = {}
        for pod in pods:
            by_ports.setdefault(_ports(service, pod), []).append(_endpoint(service, pod))
        old = {_ports_of(one): one for one in self._slices(meta["namespace"], meta["name"])}
        for ports in by_ports or {(): []}:
            self._store_slice(service, ports, by_ports.get(ports, []), old.pop(ports, None))
        for one in old.values():
            self.store.remove(SLICES, meta["namespace"], one["metadata"]["name"])

    def _store_slice(
        self,
        service: Object,
        ports: tuple[tuple[str, int, str], ...],
        endpoints: list[Object],
        old: Object | None,
    ) -> None:
        meta = service["metadata"]
        listed = [{"name": name, "port": port, "protocol": protocol} for name, port, protocol in ports]
        if old is not None:

            def change(new: Object) -> None:
                if new.get("endpoints") != endpoints:
                    new["metadata"].setdefault("annotations", {})[TRIGGER_TIME] = timestamp()
                new["endpoints"], new["ports"] = endpoints, listed

            self.store.update(SLICES, meta["namespace"], old["metadata"]["name"], change, manager=MANAGER)
            return
        labels = {
            **(meta.get("labels") or {}),
            SERVICE_LABEL: meta["name"],
            MANAGED_BY: "endpointslice-controller.k8s.io",
        }
        made = {
            "metadata": {
                "name": f"{meta['name'][:57]}-{random_suffix()}",
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": {TRIGGER_TIME: timestamp()},
                "ownerReferences": [owner_reference("Service", "v1", service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": listed,
        }
        self.store.create(SLICES, made, manager=MANAGER)

    def _store_endpoints(self, service: Object, pods: list[Object]) -> None:
        meta = service["metadata"]
        subsets = _subsets(service, pods)
        if self.store.find("endpoints", meta["namespace"], meta["name"]) is None:
            made: Object = {
                "metadata": {
                    "name": meta["name"],
                    "namespace": meta["namespace"],
                    "labels": {
                        **(meta.get("labels") or {}),
                        "endpoints.kubernetes.io/managed-by": "endpoint-controller",
                    },
                },
            }
            self.store.create("endpoints", made | ({"subsets": subsets} if subsets else {}), manager=MANAGER)
            return

        def change(new: Object) -> None:
            if subsets:
                new["subsets"] = subsets
            else:
                new.pop("subsets", None)

        self.store.update("endpoints", meta["namespace"], meta["name"], change, manager=MANAGER)


def _selects(service: Object, labels: dict[str, str]) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and selector.items() <= labels.items()


def _has_address(pod: Object) -> bool:
    status = pod.get("status", {})
    return bool(status.get("podIP")) and status.get("phase") not in ("Succeeded", "Failed")


def _ports(service: Object, pod: Object) -> tuple[tuple[str, int, str], ...]:
    """(name, number, protocol) of the service's ports on this pod; named target ports looked up in it."""
    found = []
    for port in service["spec"].get("ports") or ():
        target = port.get("targetPort", port["port"])
        numbers = (port_number(target, container) for container in pod["spec"]["containers"])
        number = next((number for number in numbers if number), 0)
        if number:
            found.append((port.get("name", ""), number, port.get("protocol", "TCP")))
    return tuple(found)


def _ports_of(slice_: Object) -> tuple[tuple[str, int, str], ...]:
    listed = slice_.get("ports") or ()
    return tuple((one.get("name", ""), one["port"], one.get("protocol", "TCP")) for one in listed)


def _endpoint(service: Object, pod: Object) -> Object:
    terminating = "deletionTimestamp" in pod["metadata"]
    ready = is_ready(pod)
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": published or (ready and not terminating),
            "serving": ready,
            "terminating": terminating,
        },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _target(pod),
    }


def _target(pod: Object) -> Object:
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _subsets(service: Object, pods: list[Object]) -> list[dict[str, Any]]:
    by_ports: dict[tuple[tuple[str, int, str], ...], dict[str, list[Object]]] = {}
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        address = {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": _target(pod),
        }
        group = by_ports.setdefault(_ports(service, pod), {})
        group.setdefault("addresses" if is_ready(pod) else "notReadyAddresses", []).append(address)
    subsets = []
    for ports, addresses in by_ports.items():
        listed = [
            {**({"name": name} if name else {}), "port": port, "protocol": protocol}
            for name, port, protocol in ports
        ]
        subsets.append({**addresses, "ports": listed})
    return subsets
