"""The Pod Security Standards as functions of a pod's spec.

Each check answers what it has against a pod as (reason, detail), or None.
Source: Kubernetes "Pod Security Standards" and the wording of its admission plugin, 1.36.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

Spec = dict[str, Any]
Finding = tuple[str, str]
Check = Callable[[Spec], Finding | None]

_DEFAULT_CAPABILITIES: Final = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)
_RESTRICTED_CAPABILITIES: Final = frozenset({"NET_BIND_SERVICE"})
_SAFE_SECCOMP: Final = ("RuntimeDefault", "Localhost")
_SAFE_VOLUMES: Final = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)
_SAFE_SYSCTLS: Final = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
_SAFE_SELINUX_TYPES: Final = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def _containers(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """(name, securityContext) of each container."""
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(group, ()):
            yield container["name"], container.get("securityContext") or {}


def _of_pod(spec: Spec) -> Spec:
    found: Spec = spec.get("securityContext") or {}
    return found


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _named(noun: str, names: list[str]) -> str:
    return f"{noun}{'s' if len(names) > 1 else ''} {_quoted(names)}"


def _setters(of_pod: bool, names: list[str]) -> str:
    """Who set a field wrongly: "pod", 'container "c"', or both."""
    return " and ".join((["pod"] if of_pod else []) + ([_named("container", names)] if names else []))


# Baseline


def host_namespaces(spec: Spec) -> Finding | None:
    """The node's network, processes and IPC stay its own."""
    shared = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return ("host namespaces", ", ".join(shared)) if shared else None


def host_path_volumes(spec: Spec) -> Finding | None:
    """No folder of the node."""
    found = [volume["name"] for volume in spec.get("volumes", ()) if "hostPath" in volume]
    return ("hostPath volumes", _named("volume", found)) if found else None


def host_ports(spec: Spec) -> Finding | None:
    """No port of the node."""
    names: list[str] = []
    ports: list[int] = []
    for group in ("initContainers", "containers"):
        for container in spec.get(group, ()):
            own = [port["hostPort"] for port in container.get("ports", ()) if port.get("hostPort")]
            if own:
                names.append(container["name"])
                ports += own
    if not names:
        return None
    verb, noun = ("use" if len(names) > 1 else "uses"), ("hostPorts" if len(ports) > 1 else "hostPort")
    return "hostPort", f"{_named('container', names)} {verb} {noun} {', '.join(map(str, sorted(set(ports))))}"


def probe_hosts(spec: Spec) -> Finding | None:
    """Probes and hooks ask the pod itself, nobody else."""
    names: list[str] = []
    hosts: list[str] = []
    for group in ("initContainers", "containers"):
        for container in spec.get(group, ()):
            actions = [container.get(probe) or {} for probe in _PROBES]
            actions += [
                hook for hook in (container.get("lifecycle") or {}).values() if isinstance(hook, dict)
            ]
            own = [
                action[way]["host"]
                for action in actions
                for way in ("httpGet", "tcpSocket")
                if (action.get(way) or {}).get("host")
            ]
            if own:
                names.append(container["name"])
                hosts += own
    if not names:
        return None
    verb, noun = ("use" if len(names) > 1 else "uses"), ("hosts" if len(hosts) > 1 else "host")
    told = f"{_named('container', names)} {verb} probe or lifecycle {noun} {_quoted(dict.fromkeys(hosts))}"
    return "probe or lifecycle host", told


def privileged(spec: Spec) -> Finding | None:
    """No privileged container."""
    found = [name for name, context in _containers(spec) if context.get("privileged")]
    if not found:
        return None
    return "privileged", f"{_named('container', found)} must not set securityContext.privileged=true"


def _added(spec: Spec, allowed: frozenset[str]) -> str:
    names: list[str] = []
    added: set[str] = set()
    for name, context in _containers(spec):
        wrong = set((context.get("capabilities") or {}).get("add", ())) - allowed
        if wrong:
            names.append(name)
            added |= wrong
    if not names:
        return ""
    return (
        f"{_named('container', names)} must not include {_quoted(sorted(added))} in "
        "securityContext.capabilities.add"
    )


def default_capabilities(spec: Spec) -> Finding | None:
    """No capability beyond those that container runtimes grant anyway."""
    told = _added(spec, _DEFAULT_CAPABILITIES)
    return ("non-default capabilities", told) if told else None


def proc_mount(spec: Spec) -> Finding | None:
    """/proc stays masked."""
    found = [n for n, context in _containers(spec) if context.get("procMount", "Default") != "Default"]
    if not found:
        return None
    return "procMount", f'{_named("container", found)} must not set securityContext.procMount to "Unmasked"'


def selinux_options(spec: Spec) -> Finding | None:
    """Only the usual SELinux types, and no SELinux user or role."""

    def wrong(context: Spec) -> bool:
        options = context.get("seLinuxOptions") or {}
        is_unusual = options.get("type", "") not in _SAFE_SELINUX_TYPES
        return bool(is_unusual or options.get("user") or options.get("role"))

    names = [name for name, context in _containers(spec) if wrong(context)]
    of_pod = wrong(_of_pod(spec))
    if not names and not of_pod:
        return None
    return "seLinuxOptions", f"{_setters(of_pod, names)} set forbidden securityContext.seLinuxOptions"


def seccomp_not_off(spec: Spec) -> Finding | None:
    """Seccomp is not switched off by name."""
    return _bad_seccomp(spec, lambda kind: kind == "Unconfined")


def _seccomp(context: Spec) -> str:
    return str((context.get("seccompProfile") or {}).get("type", ""))


def _bad_seccomp(spec: Spec, is_bad: Callable[[str], bool]) -> Finding | None:
    of_pod = _seccomp(_of_pod(spec))
    own = [(name, _seccomp(context)) for name, context in _containers(spec)]
    names = [name for name, kind in own if kind and is_bad(kind)]
    bad_pod = bool(of_pod and is_bad(of_pod))
    if not names and not bad_pod:
        return None
    kinds = {kind for name, kind in own if name in names} | ({of_pod} if bad_pod else set())
    told = f"must not set securityContext.seccompProfile.type to {_quoted(sorted(kinds))}"
    return "seccompProfile", f"{_setters(bad_pod, names)} {told}"


def sysctls(spec: Spec) -> Finding | None:
    """Only kernel settings that stay inside the pod."""
    found = [each["name"] for each in _of_pod(spec).get("sysctls", ()) if each["name"] not in _SAFE_SYSCTLS]
    return ("forbidden sysctls", ", ".join(found)) if found else None


def app_armor(spec: Spec) -> Finding | None:
    """AppArmor is not switched off."""

    def off(context: Spec) -> bool:
        return bool((context.get("appArmorProfile") or {}).get("type") == "Unconfined")

    names = [name for name, context in _containers(spec) if off(context)]
    of_pod = off(_of_pod(spec))
    if not names and not of_pod:
        return None
    told = 'must not set AppArmor profile type to "Unconfined"'
    return "forbidden AppArmor profile", f"{_setters(of_pod, names)} {told}"


# Restricted


def no_privilege_escalation(spec: Spec) -> Finding | None:
    """Every container says that no program may gain rights."""
    found = [n for n, context in _containers(spec) if context.get("allowPrivilegeEscalation") is not False]
    if not found:
        return None
    told = f"{_named('container', found)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", told


def no_capabilities(spec: Spec) -> Finding | None:
    """Every container drops all capabilities, and takes at most the one for low ports."""
    keeps = [
        name
        for name, context in _containers(spec)
        if "ALL" not in (context.get("capabilities") or {}).get("drop", ())
    ]
    told = (
        [f'{_named("container", keeps)} must set securityContext.capabilities.drop=["ALL"]'] if keeps else []
    )
    added = _added(spec, _RESTRICTED_CAPABILITIES)
    told += [added] if added else []
    return ("unrestricted capabilities", "; ".join(told)) if told else None


def safe_volumes(spec: Spec) -> Finding | None:
    """Only volumes that cannot reach the node."""
    names: list[str] = []
    kinds: set[str] = set()
    for volume in spec.get("volumes", ()):
        wrong = volume.keys() - _SAFE_VOLUMES - {"name"}
        if wrong:
            names.append(volume["name"])
            kinds |= wrong
    if not names:
        return None
    verb, noun = ("use" if len(names) > 1 else "uses"), ("types" if len(kinds) > 1 else "type")
    told = f"{_named('volume', names)} {verb} restricted volume {noun} {_quoted(sorted(kinds))}"
    return "restricted volume types", told


def not_root(spec: Spec) -> Finding | None:
    """The pod, or each container, says that it does not run as root."""
    of_pod = _of_pod(spec).get("runAsNonRoot")
    own = [(name, context.get("runAsNonRoot")) for name, context in _containers(spec)]
    wrong = [name for name, value in own if value is False]
    if wrong or of_pod is False:
        told = f"{_setters(of_pod is False, wrong)} must not set securityContext.runAsNonRoot=false"
        return "runAsNonRoot != true", told
    silent = [name for name, value in own if value is None]
    if of_pod or not silent:
        return None
    told = f"pod or {_named('container', silent)} must set securityContext.runAsNonRoot=true"
    return "runAsNonRoot != true", told


def user_not_root(spec: Spec) -> Finding | None:
    """Nobody asks for user id 0."""
    found = [name for name, context in _containers(spec) if context.get("runAsUser") == 0]
    of_pod = _of_pod(spec).get("runAsUser") == 0
    if not found and not of_pod:
        return None
    return "runAsUser=0", f"{_setters(of_pod, found)} must not set runAsUser=0"


def safe_seccomp(spec: Spec) -> Finding | None:
    """The pod, or each container, has a seccomp profile that filters."""
    bad = _bad_seccomp(spec, lambda kind: kind not in _SAFE_SECCOMP)
    if bad or _seccomp(_of_pod(spec)):
        return bad
    silent = [name for name, context in _containers(spec) if not _seccomp(context)]
    if not silent:
        return None
    told = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return "seccompProfile", f"pod or {_named('container', silent)} {told}"


_BOTH: Final[tuple[Check, ...]] = (
    app_armor,
    host_namespaces,
    host_path_volumes,
    host_ports,
    probe_hosts,
    privileged,
    proc_mount,
    selinux_options,
    sysctls,
)
#: In the order in which a real cluster names what it found.
CHECKS: Final[dict[str, tuple[Check, ...]]] = {
    "privileged": (),
    "baseline": (_BOTH[0], default_capabilities, *_BOTH[1:8], seccomp_not_off, sysctls),
    "restricted": (
        *_BOTH,
        no_privilege_escalation,
        no_capabilities,
        safe_volumes,
        not_root,
        user_not_root,
        safe_seccomp,
    ),
}


def findings(level: str, spec: Spec) -> list[Finding]:
    """What a level ("privileged", "baseline", "restricted") has against a pod's spec."""
    return [found for check in CHECKS[level] if (found := check(spec)) is not None]
