"""What a diagnosis is made from, and what it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from k8s.facts import AutoscalerFacts, DeploymentFacts, EventFacts, NodeFacts, PodFacts
from k8s.spec import Spec


class Text(msgspec.Struct, frozen=True):
    """One sentence in English and in Brazilian Portuguese."""

    en: str
    pt: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Word for word what shows it. `source` names the pod or object that it is about."""

    kind: Literal["condition", "container", "event", "log", "answer"]
    source: str
    text: str
    at: datetime | None = None


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done about it by one press: a change of the REST contract, or a way back.

    `changes` is the body of a PATCH for "update"; `revision` is the number for "roll_back".
    """

    action: Literal["update", "roll_back"]
    label: Text
    changes: dict[str, Any] = {}
    revision: int | None = None


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Why a deployment is not as it should be. `code` is a key of `k8s.diagnosis.words.WORDS`."""

    code: str
    cause: Text
    advice: Text
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    pod: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may tell why.

    `pods` are those of the newest template, `events` of the deployment and all its objects.
    `last_lines` are the last lines that a pod's container wrote before it ended, by pod.
    `other_pods` are those of anybody that hold room on the nodes. `good_revision` is the
    number of an older revision that has served; `versions` are tags of the same model.
    `answer_problem` is what the Service of ready pods says instead of an answer, "" when it answers.
    """

    spec: Spec
    wanted: int
    now: datetime
    deployment: DeploymentFacts | None = None
    pods: Sequence[PodFacts] = ()
    events: Sequence[EventFacts] = ()
    last_lines: Mapping[str, Sequence[str]] = {}
    nodes: Sequence[NodeFacts] = ()
    other_pods: Sequence[PodFacts] = ()
    gpu_resource: str = "nvidia.com/gpu"
    autoscaler: AutoscalerFacts | None = None
    good_revision: int | None = None
    versions: Sequence[str] = ()
    refusal: str = ""
    answer_problem: str = ""

    def events_about(self, name: str, *reasons: str) -> list[EventFacts]:
        """Newest first."""
        found = [
            event
            for event in self.events
            if event.object_name == name and (not reasons or event.reason in reasons)
        ]
        return sorted(found, key=lambda event: event.last_at or self.now, reverse=True)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule found: a code, the values its words need, and what shows it."""

    code: str
    values: dict[str, Any] = {}
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    pod: str = ""
