"""Random walks through what people can do: the cluster ends as the last good wish of each kind says."""

import itertools
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from deployments import clients, intent
from deployments.errors import DomainError, InvalidInput
from deployments.models import Deployment
from deployments.reconcile import reconcile_deployment
from k8s.cluster import Cluster, Ref
from k8s.errors import NotFound
from teams.models import Team
from tests.deployments.installed import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

IMAGES = {"1.0": "local/house:1.0", "2.0": "local/house:2.0"}
COUNTS = st.integers(0, 3)
BAD_COUNTS = st.sampled_from([-1, 1.5, "2", None, True, 10**9, [3]])
BOUNDS = st.tuples(st.integers(1, 2), st.integers(2, 3))
# What people change; the observer changes the rest at any time.
WANTED = ("generation", "replicas", "autoscaling", "paused_at", "spec", "revision", "restarted_at")
numbers = itertools.count(1)


class Walk(RuleBasedStateMachine):
    """One deployment, and beside it what the last good wish of each kind was."""

    team: ClassVar[Team]
    by: ClassVar[User]

    @initialize(replicas=COUNTS, version=st.sampled_from(sorted(IMAGES)))
    def create(self, replicas: int, version: str) -> None:
        payload = {
            "name": f"walk-{next(numbers)}",
            "model": "house",
            "version": version,
            "replicas": replicas,
            # Small, so that many walks fit side by side.
            "resources": {"cpu": "1m", "memory": "32Mi"},
            "rollout": {"max_surge": 1, "max_unavailable": 1},
        }
        self.row = intent.create_deployment(self.team, payload, by=self.by).deployment
        self.replicas, self.is_paused, self.is_deleted = replicas, False, False
        self.bounds: tuple[int, int] | None = None
        self.log_level = ""
        self.revisions = [(version, "")]

    def living(self) -> bool:
        return not self.is_deleted

    @precondition(living)
    @rule(version=st.sampled_from(sorted(IMAGES)), level=st.sampled_from(["info", "debug"]))
    def edit(self, version: str, level: str) -> None:
        changes = {"version": version, "env": [{"name": "LOG_LEVEL", "value": level}]}
        intent.update_deployment(self.row, changes, by=self.by)
        if self.revisions[-1] != (version, level):
            self.revisions.append((version, level))

    @precondition(living)
    @rule(replicas=COUNTS)
    def scale(self, replicas: int) -> None:
        try:
            intent.scale(self.row, replicas, by=self.by)
        except DomainError as refusal:
            assert (refusal.code, self.bounds is not None) == ("autoscaler_owns_replicas", True)
        else:
            assert self.bounds is None
            self.replicas = replicas

    @precondition(living)
    @rule(replicas=BAD_COUNTS)
    def scale_badly(self, replicas: Any) -> None:
        self.refused(lambda: intent.scale(self.row, replicas, by=self.by))

    @precondition(living)
    @rule(bounds=BOUNDS)
    def autoscale(self, bounds: tuple[int, int]) -> None:
        wanted = {"min_replicas": bounds[0], "max_replicas": bounds[1], "target_cpu_percent": 80}
        intent.autoscale(self.row, wanted, by=self.by)
        self.bounds = bounds

    @precondition(living)
    @rule(bounds=st.sampled_from([(3, 1), (0, 2), ("1", 2), (1, 10**9)]))
    def autoscale_badly(self, bounds: tuple[Any, Any]) -> None:
        wanted = {"min_replicas": bounds[0], "max_replicas": bounds[1], "target_cpu_percent": 80}
        self.refused(lambda: intent.autoscale(self.row, wanted, by=self.by))

    @precondition(living)
    @rule()
    def stop_autoscaling(self) -> None:
        intent.autoscale(self.row, None, by=self.by)
        self.bounds = None

    @precondition(living)
    @rule()
    def pause(self) -> None:
        intent.pause(self.row, by=self.by)
        self.is_paused = True

    @precondition(living)
    @rule()
    def resume(self) -> None:
        intent.resume(self.row, by=self.by)
        self.is_paused = False

    @precondition(living)
    @rule(back=st.integers(1, 3))
    def roll_back(self, back: int) -> None:
        number = len(self.revisions) - back
        if number < 1:
            return
        intent.rollback(self.row, number, by=self.by)
        if self.revisions[number - 1] != self.revisions[-1]:
            self.revisions.append(self.revisions[number - 1])

    @precondition(living)
    @rule(number=st.sampled_from([0, -1, 999, "1", None]))
    def roll_back_badly(self, number: Any) -> None:
        with pytest.raises(DomainError):
            intent.rollback(self.row, number, by=self.by)

    @precondition(living)
    @rule()
    def worker_has_time(self) -> None:
        reconcile_deployment(self.row.pk)

    @precondition(lambda self: self.living() and len(self.revisions) > 2)
    @rule()
    def delete(self) -> None:
        intent.delete(self.row, by=self.by)
        self.is_deleted = True

    @precondition(lambda self: self.is_deleted)
    @rule()
    def wish_too_late(self) -> None:
        for wish in (intent.restart, intent.pause, intent.resume, intent.delete):
            with pytest.raises(DomainError):
                wish(self.row, by=self.by)
        reconcile_deployment(self.row.pk)

    def refused(self, wish: Any) -> None:
        wanted = Deployment.objects.filter(pk=self.row.pk).values(*WANTED)
        before = wanted.get()
        with pytest.raises(InvalidInput):
            wish()
        assert wanted.get() == before

    def teardown(self) -> None:
        """The end of the walk: everything settles, and is as it was wished for last."""
        if not hasattr(self, "row"):
            return
        wait_for(self.is_settled, seconds=60)
        fresh = Deployment.objects.select_related("cluster").get(pk=self.row.pk)
        cluster = clients.client_of(fresh.cluster)
        try:
            if self.is_deleted:
                for kind in ("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
                    assert find(cluster, kind, fresh.name) is None
                return
            self.check(fresh, cluster)
        finally:
            take_away(fresh, self.by)

    def is_settled(self) -> bool:
        row = Deployment.objects.get(pk=self.row.pk)
        if self.is_deleted:
            return row.deleted_at is not None
        calm = row.applied_generation == row.generation and not row.drifted
        if self.bounds is not None and not self.is_paused:
            # The autoscaler takes its time until the count is within new bounds.
            count = (row.facts or {}).get("wanted_replicas", 0)
            calm = calm and self.bounds[0] <= count <= self.bounds[1]
        return calm and row.state in ("running", "paused")

    def check(self, row: Deployment, cluster: Cluster) -> None:
        assert row.revision == len(self.revisions)
        found = find(cluster, "Deployment", row.name)
        assert found is not None
        version, level = self.revisions[-1]
        container = found["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == IMAGES[version]
        assert {one["name"]: one.get("value") for one in container["env"]}.get("LOG_LEVEL", "") == level
        autoscaler = find(cluster, "HorizontalPodAutoscaler", row.name)
        count = found["spec"]["replicas"]
        if self.is_paused:
            assert (count, autoscaler) == (0, None)
        elif self.bounds is None:
            assert (count, autoscaler) == (self.replicas, None)
        else:
            assert autoscaler is not None
            assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == self.bounds
            assert self.bounds[0] <= count <= self.bounds[1]
        assert row.replicas == self.replicas


def find(cluster: Cluster, kind: str, name: str) -> dict[str, Any] | None:
    try:
        return cluster.get(Ref(kind, "pricing", name))
    except NotFound:
        return None


def take_away(row: Deployment, by: User) -> None:
    """Takes what a walk left off the cluster."""
    if row.deleted_at is None:
        intent.delete(row, by=by)
        wait_for(lambda: Deployment.objects.get(pk=row.pk).deleted_at is not None, seconds=60)


def test_a_walk_ends_where_the_last_good_wish_says(installed: Team, observer: None) -> None:
    Walk.team, Walk.by = installed, User.objects.get(username="lead")
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            # A failing walk is told as it is: walking it again takes seconds each time.
            phases=(Phase.generate,),
        ),
    )
