"""A quota refuses, before Kubernetes is asked, every wish for more than is left; and no wish for less."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.errors import DomainError, QuotaExceeded
from deployments.models import Cluster, Deployment, Namespace, Operation, Quota, Revision
from deployments.quotas import asked_by, asked_by_place
from teams.models import Team
from tests.deployments.together import at_once
from tests.deployments.told import WRONG_PORT

# Of house-prices: two replicas of 100m CPU and 128Mi.
HPA = {"min_replicas": 1, "max_replicas": 5, "target_cpu_percent": 70}


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
    refused = [answer for answer in at_once(*acts) if isinstance(answer, DomainError)]
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
