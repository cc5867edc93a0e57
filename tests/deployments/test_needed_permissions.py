"""What we say that we need is what workers ask a cluster for."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import intent
from deployments.models import Cluster, Deployment, Quota
from deployments.reconcile import reconcile_deployment, reconcile_isolation, reconcile_quota
from deployments.sealing import ensure_sealing_key
from k8s.cluster import Applied, Manifest, Ref
from k8s.errors import Forbidden
from k8s.kinds import KINDS
from k8s.permissions import NEEDS
from teams.models import Team
from tests.deployments.fake_cluster import FakeCluster

ALLOWED = {(need.group, need.resource, verb) for need in NEEDS if need.who == "worker" for verb in need.verbs}


class Strict(FakeCluster):
    """Allows a worker what the report asks for, and notes what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[tuple[str, str, str]] = set()

    def check(self, verb: str, kind: str, subresource: str = "") -> None:
        group, _, _ = KINDS[kind].prefix.removeprefix("/apis/").rpartition("/")
        name = KINDS[kind].plural + subresource
        asked = ("" if group == "/api" else group, name, verb)
        self.asked.add(asked)
        if asked not in ALLOWED:
            raise Forbidden(f"cannot {verb} {name}", status=403, reason="Forbidden")

    def apply(self, manifest: Manifest, **how: Any) -> Applied:
        # Server-side apply is a PATCH, and a create where the object is not there.
        self.check("patch", manifest["kind"])
        self.check("create", manifest["kind"])
        return super().apply(manifest, **how)

    def get(self, ref: Ref) -> Manifest:
        self.check("get", ref.kind)
        return super().get(ref)

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Manifest]:
        self.check("list", kind)
        return super().list(kind, namespace, labels=labels)

    def scale(self, ref: Ref, replicas: int) -> None:
        self.check("patch", ref.kind, "/scale")
        self.objects[ref.kind, ref.namespace, ref.name]["spec"]["replicas"] = replicas

    def delete(self, ref: Ref, *, grace_seconds: int | None = None) -> bool:
        self.check("delete", ref.kind)
        return super().delete(ref, grace_seconds=grace_seconds)


@pytest.fixture
def strict() -> Strict:
    made = Strict()
    made.namespaces_must_exist = True
    return made


def written(row: Deployment, cluster: Strict) -> None:
    reconcile_deployment(row.pk, connect=cluster)
    row.refresh_from_db()
    assert (row.apply_error, row.applied_generation) == ("", row.generation)


def test_a_deployments_whole_life_stays_within_what_we_ask_for(
    deployment: Deployment, deployer: User, strict: Strict
) -> None:
    ensure_sealing_key()
    written(deployment, strict)
    acts: tuple[Callable[[], object], ...] = (
        lambda: intent.update_deployment(
            deployment, {"env": [{"name": "KEY", "secret": True, "value": "x"}]}, by=deployer
        ),
        lambda: intent.scale(deployment, 3, by=deployer),
        lambda: intent.autoscale(
            deployment, {"min_replicas": 2, "max_replicas": 4, "target_cpu_percent": 70}, by=deployer
        ),
        lambda: intent.autoscale(deployment, None, by=deployer),
        lambda: intent.scale(deployment, 1, by=deployer),
        lambda: intent.update_deployment(deployment, {"env": []}, by=deployer),
    )
    for act in acts:
        act()
        written(deployment, strict)
    intent.delete(deployment, by=deployer)
    reconcile_deployment(deployment.pk, connect=strict)
    deployment.refresh_from_db()
    assert deployment.apply_error == ""
    kinds = {resource for _, resource, _ in strict.asked}
    assert {"secrets", "horizontalpodautoscalers", "poddisruptionbudgets", "replicasets"} <= kinds


def test_so_does_a_quota(limit: Callable[..., Quota], strict: Strict) -> None:
    quota = limit(cpu="2")
    assert reconcile_quota(quota.pk, connect=strict) is None
    quota.refresh_from_db()
    assert (quota.apply_error, quota.applied_generation) == ("", quota.generation)
    assert ("", "resourcequotas", "get") in strict.asked


def test_so_does_a_namespace_that_is_closed_and_opened(
    team: Team, cluster: Cluster, admin: User, strict: Strict
) -> None:
    space = team.namespaces.get()
    for closed in (True, False):
        intent.isolate_namespace(space, {"isolated": closed}, by=admin)
        assert reconcile_isolation(space.pk, connect=strict) is None
    space.refresh_from_db()
    assert (space.apply_error, space.applied_policy) == ("", {})
    assert ("networking.k8s.io", "networkpolicies", "delete") in strict.asked


def test_a_quota_without_a_namespace_is_not_called_kept(
    limit: Callable[..., Quota], strict: Strict, team: Team, cluster: Cluster
) -> None:
    quota = limit(cpu="2")
    team.namespaces.all().delete()
    assert reconcile_quota(quota.pk, connect=strict) is None
    quota.refresh_from_db()
    assert (quota.applied_hard, strict.asked) == ({}, set())
