"""Rules about a server that runs and does not answer as it should."""

import re
from datetime import timedelta
from typing import Any, Final

from k8s.diagnosis.case import Case, Evidence, Finding
from k8s.diagnosis.containers import change, last_lines, roll_back, told
from k8s.facts import EventFacts, PodFacts

_CHECK = re.compile(
    r"^(?P<check>Startup|Readiness|Liveness) probe (?:failed|errored)[^:]*: (?P<answer>.+)", re.S
)
_CODE = re.compile(r"statuscode: (?P<code>\d{3})")
# Models take their time to load: until then a server that does not answer is not ill.
PATIENCE_WITH_STARTS: Final = timedelta(seconds=20)
# "Uvicorn running on http://0.0.0.0:8000", "Listening at: http://127.0.0.1:8080", "serving on port 9000"
# Bounded: a line that says "listening" without end would be searched for minutes.
_LISTENS = re.compile(
    r"(?:listening|running|serving|started|bound|server)\b[^\n]{0,120}?(?:(?:\d{1,3}\.){3}\d{1,3}|\[::\]|localhost|\*|port)"
    r"[:\s=]+(?P<port>\d{2,5})\b",
    re.I,
)


def diagnose_probe(case: Case, pod: PodFacts) -> Finding | None:
    """What the newest failed check of a pod says. It counts while the pod is not ready."""
    failed = [event for event in case.events_about(pod.name, "Unhealthy") if _CHECK.match(event.message)]
    if pod.ready or not failed:
        return None
    finding = _finding(case, pod, failed[0])
    is_sure = finding.code in ("wrong_port", "health_path_missing")
    return None if _is_starting(case, pod) and not is_sure else finding


def _is_starting(case: Case, pod: PodFacts) -> bool:
    began = [
        each.started_at
        for each in pod.containers
        if not each.is_init and not each.started and each.started_at
    ]
    restarted = any(each.restarts for each in pod.containers)
    return not restarted and any(case.now - at < PATIENCE_WITH_STARTS for at in began)


def _finding(case: Case, pod: PodFacts, event: EventFacts) -> Finding:
    found = _CHECK.match(event.message)
    assert found is not None  # noqa: S101  chosen by it
    answer = " ".join(found["answer"].split())[:200]
    evidence = told(case, pod.name, "Unhealthy")
    if "connection refused" in answer:
        return _refused(case, pod, evidence)
    code = _CODE.search(answer)
    if code is not None and code["code"] == "404":
        values: dict[str, Any] = {"path": case.spec.health_path}
        return Finding(
            code="health_path_missing", values=values, evidence=evidence, fix=roll_back(case), pod=pod.name
        )
    values = {"check": found["check"].lower(), "answer": code["code"] if code else answer}
    return Finding(
        code="unhealthy",
        values=values,
        evidence=(*evidence, *last_lines(case, pod)),
        fix=roll_back(case),
        pod=pod.name,
    )


def _refused(case: Case, pod: PodFacts, evidence: tuple[Evidence, ...]) -> Finding:
    port, line = listening_port(case, pod)
    if port is not None and port != case.spec.port:
        values = {"actual": port, "port": case.spec.port}
        shown = (*evidence, Evidence(kind="log", source=pod.name, text=line))
        fix = change("wrong_port", {"port": port}, values)
        return Finding(code="wrong_port", values=values, evidence=shown, fix=fix, pod=pod.name)
    return Finding(
        code="nothing_listens",
        values={"port": case.spec.port},
        evidence=(*evidence, *last_lines(case, pod)),
        fix=roll_back(case),
        pod=pod.name,
    )


def listening_port(case: Case, pod: PodFacts) -> tuple[int | None, str]:
    """The port that the server's own log says it listens on, and the line that says so."""
    for line in reversed(case.last_lines.get(pod.name, ())):
        found = _LISTENS.search(line)
        if found and 0 < int(found["port"]) < 65_536:
            return int(found["port"]), line
    return None, ""
