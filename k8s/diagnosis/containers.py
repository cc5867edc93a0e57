"""Rules about a pod's containers: how they end, start, and where their image comes from."""

import difflib
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from k8s.diagnosis.case import Case, Evidence, Finding, Fix
from k8s.diagnosis.words import WORDS, filled
from k8s.facts import ContainerFacts, PodFacts
from k8s.health import IMAGE_REASONS, START_REASONS, crashes, has_just_come_back
from k8s.quantities import bytes_, format_bytes

# A pull that takes longer deserves a word; most take seconds.
PATIENCE_WITH_PULLS: Final = timedelta(seconds=60)
LAST_LINES: Final = 8
_MEBIBYTE: Final = 1024**2
_STEP: Final = 64 * _MEBIBYTE
_MEANINGS: Final[dict[int, tuple[str, str]]] = {
    0: (" (it thinks it is done)", " (ele acha que terminou)"),
    126: (" (not executable)", " (não é executável)"),
    127: (" (command not found)", " (comando não encontrado)"),
    137: (" (killed)", " (morto)"),
    139: (" (segmentation fault)", " (falha de segmentação)"),
    143: (" (told to stop)", " (recebeu ordem de parar)"),
}
_MISSING = re.compile(r"(?P<kind>configmap|secret)s? \"(?P<name>[^\"]+)\" not found", re.IGNORECASE)
_MISSING_KEY = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) \S+?/?(?P<name>[^/\s]+)$"
)
_NO_LOGIN = re.compile(
    r"\b401\b|\b403\b|unauthorized|authentication required|access denied|pull access denied|no basic auth",
    re.I,
)
# The local cluster's own words: no registry was asked, so none can be blamed.
_NOT_SHIPPED = re.compile(r"runs only the images it ships")
_NOT_THERE = re.compile(r"not found|manifest unknown|name unknown|does not exist|404", re.I)
_NO_WAY = re.compile(
    r"dial tcp|lookup |connection refused|no such host|i/o timeout|deadline exceeded|name resolution", re.I
)


def diagnose_container(case: Case, pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Why a container does not run, from its state; None when it only waits or runs."""
    waiting = container.reason if container.state == "waiting" else ""
    if waiting in IMAGE_REASONS:
        return _image(case, pod, container)
    if waiting == "CreateContainerConfigError":
        return _configuration(pod, container)
    if waiting in START_REASONS or _failed_to_start(container):
        return _start(case, pod, container)
    if waiting == "CrashLoopBackOff" or crashes(container) or has_just_come_back(container, case.now):
        return _crash(case, pod, container)
    return None


def _failed_to_start(container: ContainerFacts) -> bool:
    reason = container.reason if container.state == "terminated" else container.last_reason
    return not container.ready and reason in ("StartError", "ContainerCannotRun")


def roll_back(case: Case) -> Fix | None:
    """The way back to a revision that has served, where there is one."""
    if case.good_revision is None:
        return None
    label = filled(WORDS["crash"].fix or WORDS["crash"].cause, {"revision": case.good_revision})
    return Fix(action="roll_back", label=label, revision=case.good_revision)


def change(code: str, changes: dict[str, Any], values: dict[str, Any]) -> Fix:
    """The change that mends what `code` says, under the words of its table."""
    words = WORDS[code].fix
    assert words is not None  # noqa: S101  the table's rows with a change have words for it
    return Fix(action="update", label=filled(words, values), changes=changes)


def state_of(pod: PodFacts, container: ContainerFacts) -> Evidence:
    """The container's own state, word for word."""
    reason = container.reason or container.last_reason
    code = container.exit_code if container.exit_code is not None else container.last_exit_code
    parts = [container.name, container.state or "waiting", reason]
    parts += [f"exit code {code}"] if code is not None else []
    parts += [container.message or container.last_message]
    at = container.finished_at or container.last_finished_at
    return Evidence(kind="container", source=pod.name, text=": ".join(part for part in parts if part), at=at)


def last_lines(case: Case, pod: PodFacts) -> tuple[Evidence, ...]:
    """What the container wrote before it ended."""
    lines = [line for line in case.last_lines.get(pod.name, ()) if line.strip()]
    return tuple(Evidence(kind="log", source=pod.name, text=line) for line in lines[-LAST_LINES:])


def told(case: Case, name: str, *reasons: str, most: int = 1) -> tuple[Evidence, ...]:
    """The newest events about an object, word for word."""
    found = case.events_about(name, *reasons)[:most]
    return tuple(
        Evidence(
            kind="event", source=event.object_name, text=f"{event.reason}: {event.message}", at=event.last_at
        )
        for event in found
    )


def _crash(case: Case, pod: PodFacts, container: ContainerFacts) -> Finding:
    ended = container.state == "terminated"
    reason = container.reason if ended else container.last_reason
    code = container.exit_code if ended else container.last_exit_code
    if reason == "OOMKilled":
        return _out_of_memory(case, pod, container)
    evidence = (
        *last_lines(case, pod),
        state_of(pod, container),
        *told(case, pod.name, "BackOff", "Unhealthy"),
    )
    if container.is_init:
        values: dict[str, Any] = {"container": container.name, "exit_code": code}
        return Finding(
            code="preparation_failed", values=values, evidence=evidence, fix=roll_back(case), pod=pod.name
        )
    meaning = _MEANINGS.get(code if code is not None else -1, ("", ""))
    values = {"exit_code": "?" if code is None else code, "meaning_en": meaning[0], "meaning_pt": meaning[1]}
    return Finding(code="crash", values=values, evidence=evidence, fix=roll_back(case), pod=pod.name)


def _out_of_memory(case: Case, pod: PodFacts, container: ContainerFacts) -> Finding:
    limit = pod.memory_limit or bytes_(case.spec.resources.memory_limit)
    suggested = suggested_memory(limit)
    resources = {"memory_limit": suggested}
    if bytes_(case.spec.resources.memory) >= bytes_(case.spec.resources.memory_limit):
        # Asked for and allowed were the same: so they stay.
        resources["memory"] = suggested
    evidence = (
        state_of(pod, container),
        *last_lines(case, pod),
        *told(case, pod.name, "BackOff", "OOMKilling"),
    )
    return Finding(
        code="out_of_memory",
        values={"limit": format_bytes(limit)},
        evidence=evidence,
        fix=change("out_of_memory", {"resources": resources}, {"suggested": suggested}),
        pod=pod.name,
    )


def suggested_memory(limit: int) -> str:
    """Twice the limit in bytes, rounded up to whole 64Mi: 134217728 -> "256Mi"."""
    doubled = max(2 * limit, _STEP)
    return f"{-(-doubled // _STEP) * _STEP // _MEBIBYTE}Mi"


def _start(case: Case, pod: PodFacts, container: ContainerFacts) -> Finding:
    message = container.message or container.last_message
    return Finding(
        code="cannot_start",
        values={"why": _last_part(message) or container.reason or container.last_reason},
        evidence=(state_of(pod, container), *told(case, pod.name, "Failed")),
        fix=roll_back(case),
        pod=pod.name,
    )


def _last_part(message: str) -> str:
    """What a runtime's nested message ends with: "...: exec: "/x": stat /x: no such file or directory"."""
    text = message.removesuffix(": unknown")
    _, found, rest = text.partition("unable to start container process: ")
    return rest if found else text


def _configuration(pod: PodFacts, container: ContainerFacts) -> Finding:
    evidence = (state_of(pod, container),)
    message = container.message
    if "run as root" in message or "runAsNonRoot" in message:
        user = "root" if "non-numeric" not in message else "a user known by name only"
        fix = change("runs_as_root", {"security": {"run_as_user": 1000}}, {})
        return Finding(code="runs_as_root", values={"user": user}, evidence=evidence, fix=fix, pod=pod.name)
    return missing_object(message, evidence, pod) or Finding(
        code="cannot_start", values={"why": message or container.reason}, evidence=evidence, pod=pod.name
    )


def missing_object(message: str, evidence: Sequence[Evidence], pod: PodFacts) -> Finding | None:
    """A ConfigMap, a Secret or a key of one that a message says is not there."""
    found = _MISSING.search(message)
    if found:
        kind = {"configmap": "ConfigMap", "secret": "Secret"}[found["kind"].lower()]
        values = {"kind": kind, "name": found["name"]}
        return Finding(code="missing_object", values=values, evidence=tuple(evidence), pod=pod.name)
    found = _MISSING_KEY.search(message)
    if found:
        values = {"kind": f"key {found['key']} of {found['kind']}", "name": found["name"]}
        return Finding(code="missing_object", values=values, evidence=tuple(evidence), pod=pod.name)
    return None


def _image(case: Case, pod: PodFacts, container: ContainerFacts) -> Finding:
    failed = told(case, pod.name, "Failed", "InspectFailed", "ErrImageNeverPull", most=2)
    # While it backs off, the state names the image alone; the event keeps the registry's words.
    words = " ".join((container.message, *(evidence.text for evidence in failed)))
    image = container.image or case.spec.image
    code, fix = _image_code(container.reason, words), roll_back(case)
    if code in ("image_not_found", "image_not_shipped"):
        fix = _nearest_version(case) or fix
    values = {"image": image, "registry": registry_of(image)}
    return Finding(
        code=code, values=values, evidence=(state_of(pod, container), *failed), fix=fix, pod=pod.name
    )


def _image_code(reason: str, words: str) -> str:
    if reason == "InvalidImageName":
        return "image_name_invalid"
    if reason == "ErrImageNeverPull":
        return "image_not_allowed"
    # In this order: a registry that hides what it has says "denied" and "not found" in one breath.
    for code, pattern in (
        ("image_not_shipped", _NOT_SHIPPED),
        ("registry_wants_credentials", _NO_LOGIN),
        ("registry_unreachable", _NO_WAY),
        ("image_not_found", _NOT_THERE),
    ):
        if pattern.search(words):
            return code
    return "image_pull_failed"


def _nearest_version(case: Case) -> Fix | None:
    """A version of the same model that the catalogue has and that is spelt most alike."""
    others = [version for version in case.versions if version != case.spec.version]
    near = difflib.get_close_matches(case.spec.version, others, n=1, cutoff=0.5)
    if not near:
        return None
    return change("image_not_found", {"model": case.spec.model, "version": near[0]}, {"version": near[0]})


def registry_of(image: str) -> str:
    """The host an image is pulled from: "ghcr.io/team/house:1" -> "ghcr.io", "house:1" -> "docker.io"."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def slow_pull(case: Case, pod: PodFacts) -> Finding | None:
    """An image that is still being fetched after a minute."""
    begun = case.events_about(pod.name, "Pulling")
    if not begun or begun[0].last_at is None or case.events_about(pod.name, "Pulled", "Failed"):
        return None
    lasting = case.now - begun[0].last_at
    if lasting < PATIENCE_WITH_PULLS:
        return None
    values = {"image": case.spec.image, "minutes": int(lasting.total_seconds() // 60)}
    return Finding(
        code="image_pull_slow", values=values, evidence=told(case, pod.name, "Pulling"), pod=pod.name
    )
