"""Whatever is seen, in whatever order: `running` is said only where it is true of all that was seen."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.models import Deployment, State
from deployments.settling import assess
from k8s.facts import Condition, ContainerFacts, DeploymentFacts, PodFacts
from k8s.health import judge
from k8s.labels import TEMPLATE
from tests.k8s.samples import FOLDER

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
TEMPLATES = st.sampled_from(["new", "new", "new", "old", ""])
FEW = st.integers(0, 3)
MOMENTS = st.one_of(st.none(), st.integers(0, 600).map(lambda seconds: NOW - timedelta(seconds=seconds)))


@st.composite
def conditions(draw: st.DrawFn, kind: str, likely: str = "True") -> tuple[Condition, ...]:
    status = draw(st.sampled_from([likely, likely, "True", "False", "Unknown", ""]))
    if not status:
        return ()
    reasons = ["", "NodeNotReady", "Unschedulable", "ProgressDeadlineExceeded", "FailedCreate"]
    reason = draw(st.sampled_from(reasons))
    return (Condition(type=kind, status=status, reason=reason, since=draw(MOMENTS)),)


@st.composite
def containers(draw: st.DrawFn) -> ContainerFacts:
    """Its flags and its pod's conditions need not agree: a lost node leaves them as they were."""
    return ContainerFacts(
        name="server",
        ready=draw(st.booleans()),
        started=draw(st.booleans()),
        restarts=draw(FEW),
        state=draw(st.sampled_from(["waiting", "running", "running", "terminated", ""])),
        reason=draw(st.sampled_from(["", "Error", "OOMKilled", "CrashLoopBackOff", "ImagePullBackOff"])),
        exit_code=draw(st.sampled_from([None, 0, 1, 137])),
        started_at=draw(MOMENTS),
        last_exit_code=draw(st.sampled_from([None, 0, 1])),
    )


@st.composite
def pods(draw: st.DrawFn, number: int = 0) -> PodFacts:
    return PodFacts(
        uid=f"p{number}",
        name=f"house-{number}",
        phase=draw(st.sampled_from(["Running", "Running", "Running", "Pending", "Failed", "Succeeded"])),
        reason=draw(st.sampled_from(["", "", "Evicted"])),
        deleting_since=draw(st.one_of(st.none(), st.none(), st.just(NOW))),
        labels={TEMPLATE: draw(TEMPLATES)},
        conditions=draw(conditions("Ready")) + draw(conditions("PodScheduled")),
        containers=(draw(containers()),),
        created_at=draw(MOMENTS),
    )


@st.composite
def workloads(draw: st.DrawFn) -> DeploymentFacts:
    """Its counts may say anything: they are never to be trusted alone."""
    generation = draw(st.integers(1, 3))
    return DeploymentFacts(
        uid="d",
        name="house",
        generation=generation,
        observed_generation=max(0, generation - draw(st.sampled_from([0, 0, 0, 1]))),
        wanted_replicas=draw(FEW),
        replicas=draw(FEW),
        updated_replicas=draw(FEW),
        ready_replicas=draw(FEW),
        available_replicas=draw(FEW),
        template="new",
        revision=draw(st.sampled_from([1, 2, 2, 2])),
        deleting_since=draw(st.one_of(st.none(), st.none(), st.just(NOW))),
        conditions=draw(conditions("Available")) + draw(conditions("Progressing")),
    )


AUTOSCALING = {"min_replicas": 1, "max_replicas": 3, "target_cpu_percent": 80}


@st.composite
def rows(draw: st.DrawFn) -> Deployment:
    """A wish, written or not yet; columns of earlier judgements say anything."""
    generation = draw(st.integers(1, 2))
    return Deployment(
        name="house",
        namespace="pricing",
        replicas=draw(FEW),
        revision=draw(st.sampled_from([1, 2, 2, 2])),
        generation=generation,
        applied_generation=draw(st.sampled_from([generation, generation, generation, generation - 1, 0])),
        cluster_generation=draw(st.integers(1, 3)),
        refused_generation=draw(st.sampled_from([0, 0, generation])),
        drifted=draw(st.sampled_from([False, False, True])),
        autoscaling=draw(st.sampled_from([None, AUTOSCALING])),
        paused_at=draw(st.sampled_from([None, None, None, NOW])),
        delete_requested_at=draw(st.sampled_from([None, None, None, NOW])),
        answered_template=draw(st.sampled_from(["new", "new", "old"])),
        answer_problem=draw(st.sampled_from(["", "/healthz is answered with 500"])),
        state=draw(st.sampled_from(list(State))),
        applied_at=NOW - timedelta(minutes=5),
    )


def serves(facts: DeploymentFacts | None, seen: list[PodFacts], wanted: int) -> bool:
    """The truth, told another way than `judge` does: raw conditions, one pod after the other."""
    if facts is None or facts.deleting_since or facts.observed_generation < facts.generation or wanted == 0:
        return False
    good = 0
    for pod in seen:
        if pod.deleting_since or pod.phase in ("Failed", "Succeeded"):
            continue
        if pod.labels[TEMPLATE] != facts.template:
            return False
        good += {c.type: c.status for c in pod.conditions}.get("Ready") == "True"
    return good >= wanted


def several(count: int) -> st.SearchStrategy[list[PodFacts]]:
    return st.tuples(*(pods(number) for number in range(count))).map(list)


SIGHTS = st.integers(0, 4).flatmap(several)


@given(facts=st.none() | workloads(), seen=SIGHTS, wanted=FEW, revision=st.integers(1, 2))
@settings(max_examples=400, deadline=None)
def test_the_judgement_says_running_only_of_what_serves(
    facts: DeploymentFacts | None, seen: list[PodFacts], wanted: int, revision: int
) -> None:
    found = judge(facts, seen, wanted=wanted, expected_revision=revision, now=NOW)
    if found.state == "running":
        assert serves(facts, seen, wanted)
        assert facts is not None
        assert (facts.revision, facts.wanted_replicas) == (revision, wanted)


def assert_true_of(row: Deployment, seen: list[PodFacts]) -> bool:
    """Whether it says running, which is then true of all we know."""
    if assess(row, seen, NOW).state != State.RUNNING:
        return False
    facts = msgspec.convert(row.facts, DeploymentFacts)
    wanted = facts.wanted_replicas if row.autoscaling else row.replicas
    assert serves(facts, seen, wanted)
    assert facts.wanted_replicas == wanted
    assert facts.revision == row.revision
    assert facts.generation >= row.cluster_generation
    assert row.applied_generation == row.generation != row.refused_generation
    assert row.answered_template == facts.template
    assert not (row.paused_at or row.delete_requested_at or row.drifted)
    return True


@given(row=rows(), facts=st.none() | workloads(), seen=SIGHTS)
@settings(max_examples=400, deadline=None)
def test_the_status_says_running_only_of_the_newest_wish_that_serves_and_answers(
    row: Deployment, facts: DeploymentFacts | None, seen: list[PodFacts]
) -> None:
    with override_settings(ENDPOINT_CHECK=True):
        row.facts = msgspec.to_builtins(facts) if facts else None
        assert_true_of(row, seen)


class World:
    """A cluster that changes by chance, and a row whose observer hears of each object when chance will."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.row = Deployment(
            name="house",
            namespace="pricing",
            replicas=2,
            revision=1,
            generation=1,
            applied_generation=1,
            cluster_generation=1,
            autoscaling=chance.choice([None, AUTOSCALING]),
            applied_at=NOW,
        )
        self.facts = DeploymentFacts(
            uid="d", name="house", generation=1, wanted_replicas=2, template="t1", revision=1
        )
        self.pods: dict[str, PodFacts] = {}
        self.heard: dict[str, PodFacts] = {}
        self.made = 0

    def step(self) -> None:
        good = [self.observe, self.make, self.make, self.ready, self.ready, self.ready, self.answer]
        bad = [self.roll_out, self.scale, self.lose, self.crash, self.end]
        self.chance.choice([*good, *good, *bad, *([self.hear] * 8)])()

    def change(self, **fields: Any) -> None:
        self.facts = msgspec.structs.replace(self.facts, generation=self.facts.generation + 1, **fields)

    def wish(self) -> None:
        self.row.generation += 1
        # Written at once, or some time later, which the next wish's write makes up for.
        if self.chance.random() < 0.8:
            self.row.applied_generation = self.row.generation
            self.row.cluster_generation = self.facts.generation

    def roll_out(self) -> None:
        if self.chance.random() < 0.3:
            self.row.revision += 1
            self.change(template=f"t{self.row.revision}", revision=self.row.revision)
            self.wish()

    def scale(self) -> None:
        count = self.chance.randint(0, 3)
        self.change(wanted_replicas=count)
        if self.row.autoscaling is None:
            self.row.replicas = count
            self.wish()

    def observe(self) -> None:
        self.facts = msgspec.structs.replace(self.facts, observed_generation=self.facts.generation)

    def make(self) -> None:
        """As a controller does: one pod more of the newest template, or one fewer of the others."""
        newest = [name for name, pod in self.pods.items() if pod.labels[TEMPLATE] == self.facts.template]
        if len(newest) < self.facts.wanted_replicas:
            self.made += 1
            name = f"house-{self.made}"
            labels = {TEMPLATE: self.facts.template}
            self.pods[name] = PodFacts(uid=name, name=name, phase="Running", labels=labels)
        elif surplus := [*(set(self.pods) - set(newest)), *newest[self.facts.wanted_replicas :]]:
            del self.pods[sorted(surplus)[0]]

    def turn(self, **fields: Any) -> None:
        if self.pods:
            name = self.chance.choice(sorted(self.pods))
            self.pods[name] = msgspec.structs.replace(self.pods[name], **fields)

    def ready(self) -> None:
        self.turn(conditions=(Condition(type="Ready", status="True", since=NOW),))

    def lose(self) -> None:
        """A lost node: the containers' own flags stay as they were."""
        container = ContainerFacts(name="server", ready=True, started=True, state="running")
        self.turn(conditions=(Condition(type="Ready", status="False"),), containers=(container,))

    def crash(self) -> None:
        container = ContainerFacts(name="server", restarts=3, state="terminated", exit_code=1)
        self.turn(conditions=(Condition(type="Ready", status="False"),), containers=(container,))

    def end(self) -> None:
        if self.pods:
            name = self.chance.choice(sorted(self.pods))
            if self.chance.random() < 0.5:
                self.turn(deleting_since=NOW)
            else:
                del self.pods[name]

    def answer(self) -> None:
        self.row.answered_template = self.facts.template

    def hear(self) -> None:
        if self.chance.random() < 0.4:
            self.row.facts = msgspec.to_builtins(self.facts)
        else:
            names = sorted(set(self.pods) | set(self.heard))
            for name in self.chance.sample(names, self.chance.randint(0, len(names))):
                self.heard.pop(name, None)
                if name in self.pods:
                    self.heard[name] = self.pods[name]


@pytest.mark.parametrize("seed", range(8))
def test_no_sequence_of_sights_makes_a_false_running(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  the same walk for the same seed
    said = 0
    with override_settings(ENDPOINT_CHECK=True):
        for _ in range(30):
            world = World(chance)
            for _ in range(80):
                world.step()
                if world.row.facts is not None and assert_true_of(world.row, list(world.heard.values())):
                    said += 1
    # Walks that never get there would prove nothing.
    assert said > 10


def test_the_recorded_pods_of_a_lost_node_are_not_shown_as_running() -> None:
    """Kubernetes goes on to say phase Running and containers ready: only the Ready condition tells."""
    lines = (FOLDER / "node_down.txt").read_text().splitlines()
    phase, _, recorded = next(line for line in lines if line.startswith("Running [")).partition(" ")
    told = {one["type"]: one["status"] for one in json.loads(recorded)}
    assert (phase, told["ContainersReady"], told["Ready"]) == ("Running", "True", "False")
    pod = PodFacts(
        uid="p",
        name="house-1",
        phase=phase,
        node="real-1",
        labels={TEMPLATE: "new"},
        conditions=tuple(Condition(type=kind, status=status, since=NOW) for kind, status in told.items()),
        containers=(ContainerFacts(name="server", ready=True, started=True, state="running"),),
    )
    facts = DeploymentFacts(
        uid="d",
        name="house",
        generation=1,
        observed_generation=1,
        wanted_replicas=1,
        template="new",
        revision=1,
    )
    found = judge(facts, [pod], wanted=1, expected_revision=1, now=NOW)
    assert (found.state, found.ready, found.reason) == ("failed", 0, "NodeNotReady")
