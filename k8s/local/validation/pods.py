"""Rules for pods and for the pod templates of workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8s.local.amounts import amount
from k8s.local.errors import Cause
from k8s.local.store import Object
from k8s.local.validation import causes as say

_PULL: Final = ("Always", "IfNotPresent", "Never")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_RESTART: Final = ("Always", "Never", "OnFailure")
_DNS: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_NEVER_OVERCOMMITTED: Final = ("cpu", "memory", "ephemeral-storage", "storage")
_UPDATE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod(obj: Object) -> list[Cause]:
    """A whole pod."""
    return pod_spec(obj.get("spec", {}), "spec")


def pod_spec(spec: Mapping[str, Any], at: str) -> list[Cause]:
    """A pod's spec, in a pod or in a template."""
    volumes, found = _volumes(spec.get("volumes", []), f"{at}.volumes")
    containers = spec.get("containers", [])
    if not containers:
        found.append(say.required(f"{at}.containers"))
    seen: set[str] = set()
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group, [])):
            found += _container(container, f"{at}.{group}[{index}]", volumes, seen)
    found += say.one_of(f"{at}.restartPolicy", spec.get("restartPolicy"), _RESTART)
    found += say.one_of(f"{at}.dnsPolicy", spec.get("dnsPolicy"), _DNS)
    found += say.at_least(f"{at}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))
    found += say.at_least(f"{at}.activeDeadlineSeconds", spec.get("activeDeadlineSeconds"), 1)
    found += say.labels(f"{at}.nodeSelector", spec.get("nodeSelector", {}))
    found += _user(spec.get("securityContext", {}), f"{at}.securityContext")
    found += _tolerations(spec.get("tolerations", []), f"{at}.tolerations")
    account = spec.get("serviceAccountName")
    return found + (say.subdomain(f"{at}.serviceAccountName", account) if account else [])


def _volumes(volumes: list[dict[str, Any]], at: str) -> tuple[set[str], list[Cause]]:
    names: set[str] = set()
    found: list[Cause] = []
    for index, volume in enumerate(volumes):
        name = volume.get("name", "")
        here = f"{at}[{index}]"
        if not name:
            found.append(say.required(f"{here}.name"))
        elif name in names:
            found.append(say.duplicate(f"{here}.name", name))
        else:
            found += say.dns_label(f"{here}.name", name)
        sources = [key for key in volume if key != "name"]
        found += [
            say.forbidden(f"{here}.{key}", "may not specify more than 1 volume type") for key in sources[1:]
        ]
        names.add(name)
    return names, found


def _container(container: dict[str, Any], at: str, volumes: set[str], seen: set[str]) -> list[Cause]:
    found: list[Cause] = []
    name = container.get("name", "")
    if not name:
        found.append(say.required(f"{at}.name"))
    elif name in seen:
        found.append(say.duplicate(f"{at}.name", name))
    else:
        found += say.dns_label(f"{at}.name", name)
    seen.add(name)
    image = container.get("image", "")
    if not image:
        found.append(say.required(f"{at}.image"))
    elif image != image.strip():
        found.append(say.invalid(f"{at}.image", image, "must not have leading or trailing whitespace"))
    found += _probes(container, at)
    found += _ports(container.get("ports", []), f"{at}.ports")
    found += _environment(container, at)
    found += _mounts(container.get("volumeMounts", []), f"{at}.volumeMounts", volumes)
    found += say.one_of(f"{at}.imagePullPolicy", container.get("imagePullPolicy"), _PULL)
    found += _resources(container.get("resources", {}), f"{at}.resources")
    return found + _user(container.get("securityContext", {}), f"{at}.securityContext")


def _ports(ports: list[dict[str, Any]], at: str) -> list[Cause]:
    found: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{at}[{index}]"
        name = port.get("name")
        if name:
            found += _port_name(f"{here}.name", name)
            if name in names:
                found.append(say.duplicate(f"{here}.name", name))
            names.add(name)
        if "containerPort" not in port:
            found.append(say.required(f"{here}.containerPort"))
        else:
            found += say.port(f"{here}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            found += say.port(f"{here}.hostPort", port["hostPort"])
        found += say.one_of(f"{here}.protocol", port.get("protocol"), _PROTOCOLS)
    return found


def _port_name(field: str, name: str) -> list[Cause]:
    if len(name) > 15:
        return [say.invalid(field, name, "must be no more than 15 characters")]
    if not all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in name):
        return [
            say.invalid(field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        ]
    if not any(c.isalpha() for c in name):
        return [say.invalid(field, name, "must contain at least one letter (a-z)")]
    return []


def _environment(container: dict[str, Any], at: str) -> list[Cause]:
    found: list[Cause] = []
    for index, variable in enumerate(container.get("env", [])):
        here = f"{at}.env[{index}]"
        name = variable.get("name", "")
        found += say.env_name(f"{here}.name", name) if name else [say.required(f"{here}.name")]
        if variable.get("value") and variable.get("valueFrom"):
            found.append(
                say.invalid(f"{here}.valueFrom", "", "may not be specified when `value` is not empty")
            )
    return found


def _mounts(mounts: list[dict[str, Any]], at: str, volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{at}[{index}]"
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            found.append(say.required(f"{here}.name"))
        elif name not in volumes:
            found.append(say.not_found(f"{here}.name", name))
        if not path:
            found.append(say.required(f"{here}.mountPath"))
        elif path in paths:
            found.append(say.invalid(f"{here}.mountPath", path, "must be unique"))
        paths.add(path)
    return found


def _probes(container: dict[str, Any], at: str) -> list[Cause]:
    found: list[Cause] = []
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        here = f"{at}.{name}"
        handlers = [handler for handler in _HANDLERS if handler in probe]
        if not handlers:
            found.append(say.required(here, "must specify a handler type"))
        found += [
            say.forbidden(f"{here}.{h}", "may not specify more than 1 handler type") for h in handlers[1:]
        ]
        for number in (
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ):
            found += say.at_least(f"{here}.{number}", probe.get(number))
        if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            found.append(say.invalid(f"{here}.successThreshold", probe["successThreshold"], "must be 1"))
        for handler in ("httpGet", "tcpSocket"):
            port = probe.get(handler, {}).get("port")
            if isinstance(port, int):
                found += say.port(f"{here}.{handler}.port", port)
    return found


def _resources(resources: dict[str, Any], at: str) -> list[Cause]:
    found: list[Cause] = []
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for group, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            here = f"{at}.{group}[{name}]" if "/" in name else f"{at}.{group}.{name}"
            if amount(value) < 0:
                found.append(say.invalid(here, value, "must be greater than or equal to 0"))
            elif not _is_standard(name) and "/" not in name:
                found.append(say.invalid(here, name, "must be a standard resource for containers"))
            elif "/" in name and amount(value) % 1:
                found.append(say.invalid(here, value, "must be an integer"))
    return found + _requests(requests, limits, at)


def _requests(requests: dict[str, str], limits: dict[str, str], at: str) -> list[Cause]:
    found: list[Cause] = []
    for name, value in requests.items():
        limit = limits.get(name)
        if limit is None:
            if "/" in name:
                found.append(
                    say.required(f"{at}.limits", "Limit must be set for non overcommitable resources")
                )
        elif "/" in name and amount(value) != amount(limit):
            found.append(say.invalid(f"{at}.requests", value, f"must be equal to {name} limit of {limit}"))
        elif amount(value) > amount(limit):
            found.append(
                say.invalid(f"{at}.requests", value, f"must be less than or equal to {name} limit of {limit}")
            )
    return found


def _is_standard(name: str) -> bool:
    return name in _NEVER_OVERCOMMITTED or name.startswith("hugepages-")


def _user(context: dict[str, Any], at: str) -> list[Cause]:
    found: list[Cause] = []
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= 2147483647:
            found.append(say.invalid(f"{at}.{name}", value, "must be between 0 and 2147483647, inclusive"))
    return found


def _tolerations(tolerations: list[dict[str, Any]], at: str) -> list[Cause]:
    found: list[Cause] = []
    for index, each in enumerate(tolerations):
        operator = each.get("operator", "Equal")
        if operator not in ("Equal", "Exists", "Lt", "Gt"):
            found.append(say.unsupported(f"{at}[{index}].operator", operator, ("Equal", "Exists")))
        if operator == "Exists" and each.get("value"):
            why = "value must be empty when `operator` is 'Exists'"
            found.append(say.invalid(f"{at}[{index}].operator", each["value"], why))
        if not each.get("key") and operator != "Exists":
            why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            found.append(say.invalid(f"{at}[{index}].operator", operator, why))
    return found


def pod_update(old: Object, new: Object) -> list[Cause]:
    """What may change in a pod that exists: images, a deadline, more tolerations."""
    if _fixed_part(old["spec"]) != _fixed_part(new["spec"]):
        return [say.forbidden("spec", _UPDATE)]
    kept = new["spec"].get("tolerations", [])
    if any(each not in kept for each in old["spec"].get("tolerations", [])):
        return [
            say.forbidden(
                "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
            )
        ]
    return []


def _fixed_part(spec: dict[str, Any]) -> dict[str, Any]:
    fixed = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for group in ("containers", "initContainers"):
        if group in fixed:
            fixed[group] = [{k: v for k, v in each.items() if k != "image"} for each in fixed[group]]
    return fixed
