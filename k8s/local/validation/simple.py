"""Rules for Services, and for objects that only hold data."""

from __future__ import annotations

from typing import Any, Final

from k8s.local.errors import Cause
from k8s.local.store import Object
from k8s.local.validation import causes as say

NODE_PORTS: Final = range(30000, 32768)
_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_DATA_LIMIT: Final = 1024 * 1024


def service(obj: Object) -> list[Cause]:
    """A Service; whether its node ports are free is for allocation to say."""
    spec = obj.get("spec", {})
    ports = spec.get("ports", [])
    found: list[Cause] = []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and spec.get("type") != "ExternalName":
        found.append(say.required("spec.ports"))
    found += say.one_of("spec.type", spec.get("type"), _TYPES)
    names: set[str] = set()
    for index, port in enumerate(ports):
        found += _service_port(port, f"spec.ports[{index}]", names, named=len(ports) > 1)
    if spec.get("type") == "ClusterIP":
        found += [
            say.forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
            for index, port in enumerate(ports)
            if port.get("nodePort")
        ]
    return found + say.labels("spec.selector", spec.get("selector") or {})


def _service_port(port: dict[str, Any], at: str, names: set[str], *, named: bool) -> list[Cause]:
    found: list[Cause] = []
    name = port.get("name", "")
    if not name:
        if named:
            found.append(say.required(f"{at}.name"))
    else:
        found += say.dns_label(f"{at}.name", name)
        if name in names:
            found.append(say.duplicate(f"{at}.name", name))
    names.add(name)
    found += say.port(f"{at}.port", port.get("port", 0))
    found += say.one_of(f"{at}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
    if isinstance(port.get("targetPort"), int):
        found += say.port(f"{at}.targetPort", port["targetPort"])
    return found


def service_update(old: Object, new: Object) -> list[Cause]:
    """A Service keeps the address it has."""
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if not before or before == after or new["spec"].get("type") == "ExternalName":
        return []
    return [say.invalid("spec.clusterIPs[0]", [after] if after else [], "may not change once set")]


def config_map(obj: Object) -> list[Cause]:
    """A ConfigMap: its keys and its size."""
    data, binary = obj.get("data", {}), obj.get("binaryData", {})
    found: list[Cause] = []
    for key in data:
        found += say.config_key(f"data[{key}]", key)
        if key in binary:
            found.append(say.invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in binary:
        found += say.config_key(f"binaryData[{key}]", key)
    return found + _size("", [*data.values(), *binary.values()])


def secret(obj: Object) -> list[Cause]:
    """A Secret: its keys and its size."""
    data = obj.get("data", {})
    found: list[Cause] = []
    for key in data:
        found += say.config_key(f"data[{key}]", key)
    return found + _size("data", list(data.values()))


def _size(field: str, values: list[str]) -> list[Cause]:
    if sum(len(value.encode()) for value in values) <= _DATA_LIMIT:
        return []
    return [Cause("FieldValueTooLong", f"Too long: may not be more than {_DATA_LIMIT} bytes", field)]


def immutable_data(old: Object, new: Object) -> list[Cause]:
    """ConfigMaps and Secrets that were declared immutable, and the type of a Secret, stay as they are."""
    if old.get("type") != new.get("type"):
        return [say.invalid("type", new.get("type"), "field is immutable")]
    if not old.get("immutable"):
        return []
    why = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        return [say.forbidden("immutable", why)]
    return [say.forbidden(key, why) for key in ("data", "binaryData") if old.get(key) != new.get(key)]


def endpoint_slice(obj: Object) -> list[Cause]:
    """An EndpointSlice."""
    found = say.one_of("addressType", obj.get("addressType"), ("FQDN", "IPv4", "IPv6"))
    for index, endpoint in enumerate(obj.get("endpoints", [])):
        if not endpoint.get("addresses"):
            found.append(say.required(f"endpoints[{index}].addresses", "must contain at least 1 address"))
    return found


def event(obj: Object) -> list[Cause]:
    """A core Event: it lives in the namespace of what it is about."""
    space = obj.get("involvedObject", {}).get("namespace", "") or "default"
    if obj["metadata"].get("namespace") == space:
        return []
    return [say.invalid("involvedObject.namespace", space, "does not match event.namespace")]
