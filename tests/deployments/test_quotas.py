"""A quota refuses, before Kubernetes is asked, every wish for more than is left; and no wish for less."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments import ask, intent
from deployments.errors import DomainError, InvalidInput, NotFound, PermissionDenied, QuotaExceeded
from deployments.models import Cluster, Deployment, Namespace, Operation, Pod, Quota, Revision
from deployments.preflight import preflight
from deployments.quotas import asked_by, asked_by_place
from deployments.rehearsal import Quota as SeenQuota
from deployments.rehearsal import Rehearsal
from deployments.selectors.usage.quotas import limited_lines, quota_lines, quota_lines_by_team
from teams.models import AuditEntry, Team
from tests.deployments.told import WRONG_PORT

# Of house-prices: two replicas of 100m CPU and 128Mi.
MIB = 2**20
HPA = {"min_replicas": 1, "max_replicas": 5, "target_cpu_percent": 70}


@pytest.fixture
def limit(team: Team, cluster: Cluster, admin: User) -> Callable[..., Quota]:
    """Sets limits: `limit(replicas=3)`."""

    def limited(**limits: Any) -> Quota:
        payload = {name: {"limit": value} for name, value in limits.items()}
        return intent.set_quota(team, cluster, payload, by=admin)

    return limited


def refusal(act: Callable[[], object]) -> dict[str, str]:
    """The message at each field."""
    with pytest.raises(QuotaExceeded) as refused:
        act()
    assert (refused.value.status, refused.value.code) == (422, "quota_exceeded")
    assert {error.code for error in refused.value.errors} == {"quota_exceeded"}
    return {error.field: error.message for error in refused.value.errors}


def new(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "model": "house", "version": "1.0", **fields}


def test_a_create_beyond_the_quota_is_refused_and_leaves_nothing(
    team: Team, deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    limit(replicas=3)
    told = refusal(lambda: intent.create_deployment(team, new("second", replicas=2), by=deployer))
    assert told == {
        "replicas": "Team pricing's quota in cluster local is 3 replicas: 2 replicas asked for "
        "(pods hold 0 replicas), 1 replica left, and this needs 2 replicas more. Ask for less, scale down "
        "or pause another deployment, or ask a lead for a higher limit."
    }
    assert not Deployment.objects.filter(name="second").exists()
    assert intent.create_deployment(team, new("second", replicas=1), by=deployer).action == "create"


@pytest.mark.parametrize(
    ("limits", "fields", "field"),
    [
        ({"cpu": "300m"}, {"replicas": 2}, "replicas"),
        ({"cpu": "300m"}, {"resources": {"cpu": "200m"}}, "resources.cpu"),
        ({"memory": "300Mi"}, {}, "resources.memory"),
        ({"gpu": 0}, {"resources": {"gpu": 1}}, "resources.gpu"),
        ({"gpu": 2}, {"resources": {"gpu": 1}, "replicas": 3}, "replicas"),
        ({"replicas": 4}, {"autoscaling": HPA}, "autoscaling.max_replicas"),
        ({"deployments": 1}, {}, ""),
    ],
    ids=["count", "size", "memory", "no GPU", "GPUs", "autoscaled", "deployments"],
)
def test_the_refusal_names_what_to_type_differently(
    team: Team,
    deployment: Deployment,
    deployer: User,
    limit: Callable[..., Quota],
    limits: dict[str, Any],
    fields: dict[str, Any],
    field: str,
) -> None:
    limit(**limits)
    assert list(refusal(lambda: intent.create_deployment(team, new("second", **fields), by=deployer))) == [
        field
    ]


MORE: dict[str, Callable[[Deployment, User], object]] = {
    "scale": lambda row, by: intent.scale(row, 3, by=by),
    "count by an edit": lambda row, by: intent.update_deployment(row, {"replicas": 3}, by=by),
    "size": lambda row, by: intent.update_deployment(row, {"resources": {"cpu": "150m"}}, by=by),
    "autoscaling": lambda row, by: intent.autoscale(row, HPA, by=by),
    "autoscaling by an edit": lambda row, by: intent.update_deployment(row, {"autoscaling": HPA}, by=by),
}


@pytest.mark.parametrize("act", MORE.values(), ids=MORE.keys())
def test_every_wish_for_more_is_refused(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota], act: Callable[..., object]
) -> None:
    limit(cpu="200m", replicas=2)
    refusal(lambda: act(deployment, deployer))
    deployment.refresh_from_db()
    assert (deployment.generation, deployment.replicas, deployment.revision) == (1, 2, 1)
    assert Revision.objects.count() == 1


LESS: dict[str, Callable[[Deployment, User], Operation]] = {
    "scale down": lambda row, by: intent.scale(row, 1, by=by),
    "the same again": lambda row, by: intent.update_deployment(row, {"version": "2.0"}, by=by),
    "smaller": lambda row, by: intent.update_deployment(row, {"resources": {"cpu": "50m"}}, by=by),
    "restart": lambda row, by: intent.restart(row, by=by),
    "pause": lambda row, by: intent.pause(row, by=by),
    "delete": lambda row, by: intent.delete(row, by=by),
}


@pytest.mark.parametrize("act", LESS.values(), ids=LESS.keys())
def test_whoever_is_over_may_always_ask_for_less(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota], act: Callable[..., Operation]
) -> None:
    limit(cpu="10m", memory="1Mi", replicas=0, deployments=0)
    assert act(deployment, deployer).generation == 2


def test_a_larger_size_for_fewer_replicas_is_measured_by_the_sum(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    limit(cpu="200m")
    changes = {"replicas": 1, "resources": {"cpu": "200m"}}
    assert intent.update_deployment(deployment, changes, by=deployer).generation == 2
    told = refusal(lambda: intent.update_deployment(deployment, {"resources": {"cpu": "250m"}}, by=deployer))
    assert list(told) == ["resources.cpu"]


def test_a_paused_deployment_gives_its_share_to_others_and_may_find_it_taken(
    team: Team, deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    limit(replicas=2)
    intent.pause(deployment, by=deployer)
    second = intent.create_deployment(team, new("second", replicas=2), by=deployer).deployment
    assert list(refusal(lambda: intent.resume(deployment, by=deployer))) == ["replicas"]
    intent.scale(second, 0, by=deployer)
    assert intent.resume(deployment, by=deployer).action == "resume"


def test_one_that_is_being_deleted_asks_for_no_replicas_and_is_a_deployment_until_it_is_gone(
    team: Team, deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    limit(replicas=2, deployments=1)
    intent.delete(deployment, by=deployer)
    assert list(refusal(lambda: intent.create_deployment(team, new("second", replicas=2), by=deployer))) == [
        ""
    ]
    Deployment.objects.filter(pk=deployment.pk).update(deleted_at=timezone.now())
    assert intent.create_deployment(team, new("second", replicas=2), by=deployer).action == "create"


def test_a_rollback_to_something_larger_is_refused(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    intent.update_deployment(deployment, {"resources": {"memory": "64Mi"}}, by=deployer)
    limit(memory="200Mi")
    assert list(refusal(lambda: intent.rollback(deployment, 1, by=deployer))) == ["resources.memory"]
    assert Revision.objects.count() == 2


def test_a_rollback_of_itself_waits_for_room_and_says_so_once(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    changes = {"resources": {"memory": "64Mi"}, "rollout": {"auto_rollback": True}}
    row = intent.update_deployment(deployment, changes, by=deployer).deployment
    Revision.objects.filter(number=1).update(served_at=timezone.now())
    limit(memory="200Mi")
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    facts = {"uid": "u", "name": row.name, "generation": 7, "observed_generation": 7, "revision": 2}
    Deployment.objects.update(
        facts={**facts, "conditions": [stuck]}, applied_generation=2, cluster_generation=7
    )
    for _ in range(2):
        assert intent.automatic_rollback(row.pk) is None
    told = row.timeline.filter(kind="error").values_list("text", flat=True)
    assert [text[:30] for text in told] == ["Not rolled back to revision 1:"]
    assert Revision.objects.count() == 2
    limit(memory=None)
    operation = intent.automatic_rollback(row.pk)
    assert operation is not None
    assert operation.action == "rollback"


def test_a_fix_that_asks_for_more_is_refused(
    deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    limit(memory="256Mi")
    fix = {**WRONG_PORT["fix"], "changes": {"resources": {"memory": "256Mi"}}}
    Deployment.objects.update(diagnosis={**WRONG_PORT, "fix": fix})
    assert list(refusal(lambda: intent.apply_fix(deployment, "wrong_port", by=deployer))) == [
        "resources.memory"
    ]


def test_of_many_at_once_those_that_fit_are_done(
    team: Team, deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    intent.create_deployment(team, new("second"), by=deployer)
    limit(replicas=5)
    targets = [("pricing", "house-prices"), ("pricing", "second")]
    first, second = intent.bulk("scale", targets, by=deployer, replicas=3)
    assert first.operation is not None
    assert isinstance(second.error, QuotaExceeded)


@pytest.mark.parametrize(
    ("before", "schedule"),
    [({}, {"replicas": 5}), ({"autoscaling": HPA}, {"min_replicas": 1, "max_replicas": 9})],
    ids=["count", "bounds"],
)
def test_a_schedule_that_asks_for_too_much_is_told_and_does_not_come_again(
    deployment: Deployment,
    deployer: User,
    lead: User,
    limit: Callable[..., Quota],
    before: dict[str, Any],
    schedule: dict[str, Any],
) -> None:
    intent.update_deployment(deployment, {"version": "2.0", **before}, by=deployer)
    limit(replicas=5 if before else 4)
    row = intent.add_schedule(deployment, {"cron": "0 8 * * *", **schedule}, by=lead)
    now = timezone.now()
    type(row).objects.update(next_at=now - timedelta(minutes=1))
    assert intent.fire_schedule(row.pk, now=now) is None
    row.refresh_from_db()
    assert row.last_outcome.startswith("Refused: Team pricing's quota")
    assert row.next_at is not None
    assert row.next_at > now
    deployment.refresh_from_db()
    assert (deployment.replicas, deployment.generation) == (2, 2)
    told = deployment.timeline.filter(kind="error").get()
    assert told.text.startswith("Not done: ")


def test_another_clusters_and_another_teams_wishes_do_not_count(
    team: Team, deployment: Deployment, deployer: User, admin: User, limit: Callable[..., Quota]
) -> None:
    limit(replicas=2)
    other = Team.objects.create(name="fraud")
    far = Cluster.objects.create(name="far")
    Namespace.objects.create(team=other, cluster=deployment.cluster, name="fraud")
    Namespace.objects.create(team=team, cluster=far, name="pricing")
    intent.create_deployment(team, new("far-away", cluster="far", replicas=9), by=deployer)
    intent.create_deployment(other, {"name": "theirs", "image": "local/iris:1.0", "replicas": 9}, by=admin)
    refusal(lambda: intent.scale(deployment, 3, by=deployer))


def at_once(*acts: Callable[[], object]) -> list[DomainError | None]:
    """What each act was refused with, all of them started together."""
    barrier = threading.Barrier(len(acts))
    answers: dict[int, DomainError | None] = {}

    def run(place: int) -> None:
        try:
            barrier.wait(timeout=30)
            acts[place]()
            answers[place] = None
        except DomainError as exc:
            answers[place] = exc
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == len(acts)
    return list(answers.values())


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_both_take_the_last_of_it(
    team: Team, deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    others = [
        intent.create_deployment(team, new(f"other-{number}"), by=deployer).deployment for number in range(2)
    ]
    limit(replicas=6)

    def scale(row: Deployment) -> Callable[[], object]:
        return lambda: intent.scale(row, 3, by=deployer)

    def create(name: str) -> Callable[[], object]:
        return lambda: intent.create_deployment(team, new(name, replicas=2), by=deployer)

    acts = [*map(scale, others), create("new-1"), create("new-2")]
    refused = [answer for answer in at_once(*acts) if answer is not None]
    # Four of 6 are taken; each of the four asks for two more.
    assert [type(one) for one in refused] == [QuotaExceeded] * 3
    place = (team.pk, deployment.cluster_id)
    assert asked_by_place(Deployment.objects.all())[place].replicas == 6


def test_what_is_added_up_by_the_database_is_what_each_row_asks_for(
    team: Team, deployment: Deployment, deployer: User
) -> None:
    large = {"cpu": "1", "cpu_limit": "1", "memory": "100M", "gpu": 2}
    wishes: list[dict[str, Any]] = [
        {"replicas": 3, "resources": large},
        {"autoscaling": HPA},
        {"replicas": 0},
    ]
    for number, fields in enumerate(wishes):
        intent.create_deployment(team, new(f"more-{number}", **fields), by=deployer)
    paused = intent.create_deployment(team, new("paused", autoscaling=HPA), by=deployer).deployment
    intent.pause(paused, by=deployer)
    leaving = intent.create_deployment(team, new("leaving", replicas=4), by=deployer).deployment
    intent.delete(leaving, by=deployer)
    gone = intent.create_deployment(team, new("gone"), by=deployer).deployment
    Deployment.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    total = asked_by(deployment)
    for row in Deployment.objects.exclude(pk=deployment.pk):
        total += asked_by(row)
    assert asked_by_place(Deployment.objects.all()) == {(team.pk, deployment.cluster_id): total}
    assert (total.replicas, total.deployments, total.gpu, total.cpu) == (2 + 3 + 5, 6, 6, 200 + 3000 + 500)


def pod(deployment: Deployment, name: str, phase: str = "Running", **columns: Any) -> Pod:
    return Pod.objects.create(
        cluster=deployment.cluster,
        deployment=deployment,
        uid=name,
        namespace=deployment.namespace,
        name=name,
        phase=phase,
        facts={},
        **columns,
    )


def test_a_line_tells_limit_ceiling_requested_used_and_left(
    team: Team, deployment: Deployment, cluster: Cluster, admin: User, lead: User
) -> None:
    pod(deployment, "a", cpu_request=100, memory_request=128 * MIB)
    pod(deployment, "b", "Failed", cpu_request=100)
    ceilings = {"cpu": {"ceiling": "2"}, "memory": {"ceiling": "128Mi"}, "replicas": {"ceiling": 9}}
    intent.set_quota(team, cluster, ceilings, by=admin)
    intent.set_quota(team, cluster, {"cpu": {"limit": "1"}}, by=lead)
    found = {line.resource: line for line in quota_lines(team, cluster)}
    cpu, memory, replicas = found["cpu"], found["memory"], found["replicas"]
    assert (cpu.limit, cpu.ceiling, cpu.requested, cpu.used, cpu.left) == (1000, 2000, 200, 100, 800)
    assert (memory.limit, memory.requested, memory.left) == (128 * MIB, 256 * MIB, 0)
    assert (replicas.limit, replicas.requested, replicas.used, replicas.left) == (9, 2, 1, 7)
    assert (found["gpu"].limit, found["gpu"].left, found["deployments"].used) == (None, None, 1)


def test_many_teams_cost_as_many_queries_as_one(
    team: Team, deployment: Deployment, cluster: Cluster, limit: Callable[..., Quota]
) -> None:
    def queries(teams: list[Team]) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert set(quota_lines_by_team(cluster, teams)) == {one.pk for one in teams}
        return len(seen)

    assert limited_lines([(team.pk, cluster.pk)]) == {}
    limit(replicas=4)
    others = [Team.objects.create(name=f"team-{number}") for number in range(20)]
    assert queries([team]) == queries([team, *others]) == 3
    assert [line.resource for line in limited_lines([(team.pk, cluster.pk)])[team.pk, cluster.pk]] == [
        "replicas"
    ]


def test_leads_stay_within_the_ceiling_and_admins_set_it(
    team: Team, cluster: Cluster, lead: User, admin: User
) -> None:
    intent.set_quota(team, cluster, {"memory": {"ceiling": "4Gi"}}, by=admin)
    with pytest.raises(InvalidInput) as refused:
        intent.set_quota(team, cluster, {"memory": {"limit": "5Gi"}}, by=lead)
    (error,) = refused.value.errors
    assert (error.field, error.code) == ("memory.limit", "above_ceiling")
    assert "4Gi" in error.message
    quota = intent.set_quota(team, cluster, {"memory": {"limit": "4Gi"}, "gpu": {"limit": 2}}, by=lead)
    assert (quota.memory, quota.gpu, quota.generation) == (4 * 1024 * MIB, 2, 2)
    # A limit comes down with its ceiling, and does not go up with it.
    intent.set_quota(team, cluster, {"memory": {"ceiling": "1Gi"}}, by=admin)
    quota = intent.set_quota(team, cluster, {"memory": {"ceiling": None}}, by=admin)
    assert (quota.memory, quota.ceiling_memory) == (1024 * MIB, None)
    # The same again is no change.
    assert intent.set_quota(team, cluster, {"gpu": {"limit": 2}}, by=lead).generation == quota.generation
    entry = AuditEntry.objects.filter(action="set quota").first()
    assert entry is not None
    assert (entry.target, entry.detail) == ("pricing/local", {"ceiling_memory": "1Gi to none"})


def test_a_ceiling_is_not_a_leads_to_set_and_a_limit_not_a_deployers(
    team: Team, cluster: Cluster, lead: User, deployer: User, stranger: User
) -> None:
    for by, payload, error in (
        (lead, {"cpu": {"ceiling": "4"}}, PermissionDenied),
        (deployer, {"cpu": {"limit": "4"}}, PermissionDenied),
        (stranger, {"cpu": {"limit": "4"}}, NotFound),
    ):
        with pytest.raises(error):
            intent.set_quota(team, cluster, payload, by=by)
    assert AuditEntry.objects.filter(action="set quota", allowed=False).count() == 3
    assert not Quota.objects.exists()


@pytest.mark.parametrize(
    ("payload", "field", "code"),
    [
        ({"disk": {"limit": "1"}}, "disk", "unknown_field"),
        ({"cpu": {"least": "1"}}, "cpu.least", "unknown_field"),
        ({"cpu": {"left": "1"}}, "cpu.left", "read_only"),
        ({"team": "fraud"}, "team", "read_only"),
        ({"cpu": "4"}, "cpu", "not_an_object"),
        ({"cpu": {"limit": 4}}, "cpu.limit", "not_text"),
        ({"cpu": {"limit": "1Gb"}}, "cpu.limit", "invalid_quantity"),
        ({"cpu": {"limit": "0.0001m"}}, "cpu.limit", "invalid_quantity"),
        ({"cpu": {"limit": ""}}, "cpu.limit", "invalid_quantity"),
        ({"memory": {"limit": "-1"}}, "memory.limit", "invalid_quantity"),
        ({"memory": {"ceiling": "9E"}}, "memory.ceiling", "invalid_quantity"),
        ({"replicas": {"limit": -1}}, "replicas.limit", "out_of_range"),
        ({"replicas": {"limit": "3"}}, "replicas.limit", "not_a_number"),
        ({"gpu": {"limit": 1.5}}, "gpu.limit", "not_a_number"),
        ({"deployments": {"limit": True}}, "deployments.limit", "not_a_number"),
        ({"deployments": {"limit": 3, "ceiling": 2}}, "deployments.limit", "above_ceiling"),
    ],
)
def test_bad_input_is_named_and_stores_nothing(
    team: Team, cluster: Cluster, admin: User, payload: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        intent.set_quota(team, cluster, payload, by=admin)
    assert [(error.field, error.code) for error in refused.value.errors] == [(field, code)]
    assert not Quota.objects.exists()


def test_a_preflight_tells_the_quota_before_anybody_is_refused(
    team: Team, deployment: Deployment, deployer: User, limit: Callable[..., Quota]
) -> None:
    def told(**fields: Any) -> list[tuple[str, str]]:
        found = preflight(intent.draft(team, new("second", **fields), by=deployer), ask_cluster=False)
        return [(check.state, check.text) for check in found.checks if check.code == "team_quota"]

    assert told() == []
    limit(replicas=4, cpu="1")
    assert told() == [("ok", "Within the team's quota; left then: 700m CPU, 1 replica.")]
    assert told(replicas=5) == [
        ("error", "The team's quota would refuse this: it asks for 5 replicas more, 2 replicas left.")
    ]
    less = intent.draft_change(deployment, {"replicas": 1}, by=deployer)
    limit(replicas=0)
    found = [check.text for check in preflight(less, ask_cluster=False).checks if check.code == "team_quota"]
    assert found == ["Within the team's quota; left then: 900m CPU, 0 replicas."]


def test_the_clusters_quotas_are_told_beside_ours_and_ours_only_once(
    team: Team,
    deployment: Deployment,
    deployer: User,
    limit: Callable[..., Quota],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told(*quotas: SeenQuota) -> list[tuple[str, str, str]]:
        monkeypatch.setattr(ask, "rehearse", lambda *_args, **_options: Rehearsal(quotas=quotas))
        found = preflight(intent.draft(team, new("second"), by=deployer), ask_cluster=True)
        return [
            (check.code, check.state, check.text)
            for check in found.checks
            if check.code in ("team_quota", "quota")
        ]

    limit(replicas=4)
    ours = ("team_quota", "ok", "Within the team's quota; left then: 1 replica.")
    roomy = SeenQuota(name="timoneiro", hard={"pods": "4"}, used={"pods": "2"})
    assert told(roomy) == [ours]
    theirs = SeenQuota(name="admins", hard={"pods": "9"}, used={"pods": "2"})
    assert told(roomy, theirs) == [ours, ("quota", "ok", "Within the quota; left then: 6 of pods.")]
    # Pods made by hand have taken what our wishes have left.
    full = SeenQuota(name="timoneiro", hard={"pods": "4"}, used={"pods": "4"})
    assert told(full)[0] == ours
    assert [(code, state) for code, state, _ in told(full)[1:]] == [("quota", "error")]
    assert "quota timoneiro leaves 0 of pods" in told(full)[1][2]
    limit(replicas=2)
    assert [(code, state) for code, state, _ in told(full)] == [("team_quota", "error")]
