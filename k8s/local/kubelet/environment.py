"""What a container gets to see: its environment variables and the content of its volumes."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from k8s.local.store import Object, Store

_VARIABLE: Final = re.compile(r"\$(\$)|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_LABEL: Final = re.compile(r"metadata\.(labels|annotations)\['(?P<key>[^']+)'\]")


class ConfigError(Exception):
    """The container cannot be made of what its spec refers to (CreateContainerConfigError)."""


def container_environment(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """The variables that the pod's author asked for; later ones win, ``$(NAME)`` refers to earlier ones.

    Raises:
        ConfigError: a config map, secret or key that is not optional is missing.
    """
    namespace = pod["metadata"]["namespace"]
    found: dict[str, str] = service_links(store, pod)
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        content = _whole_source(store, namespace, source)
        found.update({prefix + key: value for key, value in content.items()})
    for entry in container.get("env") or ():
        value = _value(store, pod, container, entry)
        if value is not None:
            found[entry["name"]] = expand(value, found)
    return found


def service_links(store: Store, pod: Object) -> dict[str, str]:
    """``NAME_SERVICE_HOST`` and ``NAME_SERVICE_PORT`` of the services in the pod's namespace."""
    if not pod["spec"].get("enableServiceLinks", True):
        return {}
    links: dict[str, str] = {}
    for service in store.list("services", pod["metadata"]["namespace"]):
        address, ports = service["spec"].get("clusterIP"), service["spec"].get("ports") or ()
        if address and address != "None" and ports:
            name = service["metadata"]["name"].upper().replace("-", "_")
            links[f"{name}_SERVICE_HOST"] = address
            links[f"{name}_SERVICE_PORT"] = str(ports[0]["port"])
    return links


def expand(text: str, known: dict[str, str]) -> str:
    """``$(NAME)`` replaced by its value where it is known; ``$$`` is a plain dollar."""

    def one(match: re.Match[str]) -> str:
        return "$" if match[1] else known.get(match[2], match[0])

    return _VARIABLE.sub(one, text)


def volume_files(store: Store, pod: Object, volume: Object) -> dict[str, bytes] | None:
    """The files of a configMap or secret volume; None for any other kind of volume.

    Raises:
        ConfigError: what it refers to is missing and not optional.
    """
    for kind, field, plural in (
        ("configMap", "name", "configmaps"),
        ("secret", "secretName", "secrets"),
    ):
        source = volume.get(kind)
        if source is None:
            continue
        name = source.get(field, "")
        content = _content(store, plural, pod["metadata"]["namespace"], name)
        if content is None:
            if source.get("optional"):
                return {}
            raise ConfigError(f'{plural[:-1]} "{name}" not found')
        items = source.get("items")
        if not items:
            return content
        return {item["path"]: content[item["key"]] for item in items if item["key"] in content}
    return None


def _content(store: Store, plural: str, namespace: str, name: str) -> dict[str, bytes] | None:
    found = store.find(plural, namespace, name)
    if found is None:
        return None
    data = found.get("data") or {}
    if plural == "secrets":
        return {key: base64.b64decode(value or "") for key, value in data.items()}
    binary = {key: base64.b64decode(value or "") for key, value in (found.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in data.items()} | binary


def _whole_source(store: Store, namespace: str, source: Object) -> dict[str, str]:
    for kind, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        reference = source.get(kind)
        if reference is None:
            continue
        content = _content(store, plural, namespace, reference.get("name", ""))
        if content is None:
            if reference.get("optional"):
                return {}
            raise ConfigError(f'{plural[:-1]} "{reference.get("name", "")}" not found')
        return {key: value.decode(errors="replace") for key, value in content.items()}
    return {}


def _value(store: Store, pod: Object, container: Object, entry: Object) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return str(entry.get("value", ""))
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return _resource(container, source["resourceFieldRef"]["resource"])
    for kind, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if kind in source:
            return _key(store, pod["metadata"]["namespace"], plural, source[kind])
    return ""


def _key(store: Store, namespace: str, plural: str, reference: Object) -> str | None:
    name, key = reference.get("name", ""), reference["key"]
    content = _content(store, plural, namespace, name)
    if content is not None and key in content:
        return content[key].decode(errors="replace")
    if reference.get("optional"):
        return None
    if content is None:
        raise ConfigError(f'{plural[:-1]} "{name}" not found')
    what = "ConfigMap" if plural == "configmaps" else "Secret"
    raise ConfigError(f"couldn't find key {key} in {what} {namespace}/{name}")


def field_value(pod: Object, path: str) -> str:
    """A pod field by the paths that ``fieldRef`` allows; empty when the pod has no such value."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if match := _LABEL.fullmatch(path):
        return str((meta.get(match[1]) or {}).get(match["key"], ""))
    known: dict[str, Any] = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": status.get("podIP"),
        "status.podIPs": status.get("podIP"),
        "status.hostIP": status.get("hostIP"),
        "status.hostIPs": status.get("hostIP"),
    }
    if path not in known:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return str(known[path] or "")


def _resource(container: Object, resource: str) -> str:
    group, _, name = resource.partition(".")
    return str(((container.get("resources") or {}).get(group) or {}).get(name, "0"))
