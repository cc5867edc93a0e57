"""What is set as a quota and by whom, what is told of it, and what a preflight says of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments import ask, intent
from deployments.errors import InvalidInput, NotFound, PermissionDenied
from deployments.models import Cluster, Deployment, Pod, Quota
from deployments.preflight import preflight
from deployments.rehearsal import Quota as SeenQuota
from deployments.rehearsal import Rehearsal
from deployments.selectors.usage.quotas import limited_lines, quota_lines, quota_lines_by_team
from teams.models import AuditEntry, Team

MIB = 2**20


def new(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "model": "house", "version": "1.0", **fields}


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
    assert entry.target == "pricing/local"
    assert (entry.before, entry.after) == ({"ceiling_memory": "1Gi"}, {"ceiling_memory": "none"})


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
