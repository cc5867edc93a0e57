"""What a preflight finds out, by pure rules and by what was seen; and what it says it could not."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import ask, clients, intent, rehearsing
from deployments.errors import ClusterNotReachable
from deployments.models import Cluster, ClusterState, Deployment, ModelVersion, Node, Pod
from deployments.preflight import Check, Preflight, preflight
from deployments.preflight.cost import cost_of
from deployments.preflight.quotas import check_limits, check_quotas
from deployments.preflight.subject import Counts
from deployments.rehearsal import Limit, Quota, Refusal, Rehearsal
from deployments.selectors import wish_of
from k8s.cluster import Applied, Manifest
from k8s.errors import ClusterUnavailable, Forbidden, Invalid, NotFound
from k8s.facts import NodeFacts, PodFacts
from k8s.spec import Resources
from teams.models import Team
from tests.deployments.fake_cluster import FakeCluster

GIB = 2**30
HALF = Resources(cpu="500m", memory="1Gi", cpu_limit="1", memory_limit="2Gi")
GPU = "nvidia.com/gpu"


def quota(hard: dict[str, str], used: dict[str, str] | None = None) -> list[Quota]:
    return [Quota(name="team", hard=hard, used=used or {})]


def quotas_say(quotas: list[Quota], counts: Counts, *held: PodFacts, resources: Resources = HALF) -> Check:
    return check_quotas(quotas, resources, counts, held, gpu_resource=GPU)


def own_pod(name: str = "mine", **more: Any) -> PodFacts:
    requests = {"cpu_request": 500, "memory_request": GIB, "cpu_limit": 1000, "memory_limit": 2 * GIB}
    mine = {"labels": {"app.kubernetes.io/instance": "house-prices"}}
    return PodFacts(uid=name, name=name, namespace="pricing", **{**requests, **mine, **more})


@pytest.mark.parametrize(
    ("hard", "replicas", "state"),
    [
        ({"requests.cpu": "1"}, 2, "ok"),
        ({"requests.cpu": "1"}, 3, "error"),
        ({"cpu": "900m"}, 2, "error"),
        ({"limits.cpu": "2"}, 2, "ok"),
        ({"limits.memory": "3Gi"}, 2, "error"),
        ({"requests.memory": "2Gi", "pods": "2"}, 2, "ok"),
        ({"pods": "1"}, 2, "error"),
        ({"persistentvolumeclaims": "0"}, 2, "ok"),
        ({"pods": "0"}, 0, "ok"),
    ],
)
def test_pods_are_counted_against_quotas(hard: dict[str, str], replicas: int, state: str) -> None:
    assert quotas_say(quota(hard), Counts(replicas, replicas)).state == state


def test_gpus_are_counted_by_the_name_the_cluster_gives_them() -> None:
    two = msgspec.structs.replace(HALF, gpu=2)
    assert quotas_say(quota({f"requests.{GPU}": "3"}), Counts(2, 2), resources=two).state == "error"
    assert quotas_say(quota({"requests.amd.com/gpu": "0"}), Counts(2, 2), resources=two).state == "ok"


def test_what_a_deployment_holds_already_is_given_back() -> None:
    full = quota({"requests.cpu": "1", "pods": "2"}, {"requests.cpu": "1", "pods": "2"})
    assert quotas_say(full, Counts(2, 2)).state == "error"
    assert quotas_say(full, Counts(2, 2), own_pod("a"), own_pod("b")).state == "ok"


def test_an_update_that_a_quota_would_stop_half_way_is_a_warning() -> None:
    full = quota({"pods": "2"}, {"pods": "2"})
    found = quotas_say(full, Counts(2, 2, surge=1), own_pod("a"), own_pod("b"))
    assert (found.state, "stuck" in found.text) == ("warning", True)


def test_what_the_autoscaler_could_not_reach_is_a_warning() -> None:
    found = quotas_say(quota({"requests.cpu": "2"}), Counts(1, 6))
    assert (found.state, "6 replicas" in found.text) == ("warning", True)


def test_a_quota_lowered_under_what_is_used_leaves_nothing() -> None:
    found = quotas_say(quota({"requests.cpu": "1"}, {"requests.cpu": "3"}), Counts(1, 1))
    assert "leaves 0 of requests.cpu" in found.text


def test_limit_ranges_bound_each_container() -> None:
    assert check_limits([], HALF) is None
    small = Limit(name="l", type="Container", max={"memory": "1Gi"}, min={"cpu": "10m"})
    found = check_limits([small], HALF)
    assert found is not None
    assert (found.state, "memory limit 2Gi" in found.text) == ("error", True)
    claims = Limit(name="l", type="PersistentVolumeClaim", max={"storage": "1Gi"})
    assert check_limits([claims, Limit(name="l", type="Pod", min={"cpu": "2"})], HALF) == Check(
        code="limits",
        state="error",
        text="Limit range of the namespace: cpu 500m is below the least of 2 a pod may ask for.",
    )


def test_the_cost_is_that_of_the_requests() -> None:
    priced = Cluster(
        name="local", price_cpu_hour=Decimal("0.04"), price_memory_gib_hour=Decimal("0.005"), currency="EUR"
    )
    assert cost_of(HALF, Counts(2, 2), priced).per_hour == Decimal("0.0500")
    spread = cost_of(HALF, Counts(1, 4), priced)
    assert (spread.per_hour, spread.text) == (Decimal("0.0250"), "From 0.0250 to 0.1000 EUR an hour")
    assert cost_of(HALF, Counts(0, 0), priced).per_hour == 0
    unknown = cost_of(msgspec.structs.replace(HALF, gpu=1), Counts(1, 1), priced)
    assert (unknown.per_hour, "GPUs" in unknown.text) == (None, True)


@pytest.fixture
def node(cluster: Cluster) -> NodeFacts:
    """A node with room for one core and 4 GiB, in a cluster that was just heard of."""
    facts = NodeFacts(uid="n", name="n", ready=True, cpu_allocatable=1000, memory_allocatable=4 * GIB)
    Node.objects.create(cluster=cluster, uid="n", name="n", facts=msgspec.to_builtins(facts))
    return facts


def place(cluster: Cluster, facts: PodFacts, deployment: Deployment | None = None) -> None:
    stored = msgspec.structs.replace(facts, node="n", phase="Running")
    Pod.objects.create(
        cluster=cluster,
        deployment=deployment,
        uid=facts.uid,
        namespace=facts.namespace,
        name=facts.name,
        node="n",
        phase="Running",
        cpu_request=facts.cpu_request,
        memory_request=facts.memory_request,
        gpu_request=facts.gpu_request,
        facts=msgspec.to_builtins(stored) if deployment else {},
    )


def checks_of(found: Preflight) -> dict[str, Check]:
    return {check.code: check for check in found.checks}


def drafted(team: Team, by: User, **fields: Any) -> intent.Draft:
    payload = {"name": "new", "model": "house", "version": "1.0", **fields}
    return intent.draft(team, payload, by=by)


def test_room_is_counted_on_nodes_as_seen(
    team: Team, deployer: User, house: ModelVersion, cluster: Cluster, node: NodeFacts
) -> None:
    def nodes(**fields: Any) -> Check:
        return checks_of(preflight(drafted(team, deployer, **fields), ask_cluster=False))["nodes"]

    half = {"cpu": "500m", "cpu_limit": "500m"}
    assert nodes(resources=half, replicas=2).state == "ok"
    assert "1 of 3" not in nodes(resources=half, replicas=3).text
    assert nodes(resources=half, replicas=3).state == "error"
    assert nodes(resources={"cpu": "2", "cpu_limit": "2"}).state == "error"
    bounds = {"min_replicas": 1, "max_replicas": 5, "target_cpu_percent": 70}
    assert nodes(resources=half, autoscaling=bounds).state == "warning"
    place(cluster, own_pod("other", labels={}, cpu_request=800))
    assert nodes(resources=half, replicas=1).state == "error"


def test_gpus_that_no_node_has_free_are_an_error(
    team: Team, deployer: User, house: ModelVersion, node: NodeFacts
) -> None:
    found = checks_of(preflight(drafted(team, deployer, resources={"gpu": 1}), ask_cluster=False))
    assert (found["gpu"].state, found["nodes"].state) == ("error", "error")


@pytest.mark.parametrize(
    ("version", "is_told"), [("v1.36.2+timoneiro", True), ("v1.36.2", False), ("v1.36.2+k3s1", False)]
)
def test_the_local_cluster_pretends_to_no_gpu(
    team: Team, deployer: User, house: ModelVersion, cluster: Cluster, version: str, is_told: bool
) -> None:
    gpus = NodeFacts(
        uid="g",
        name="g",
        ready=True,
        cpu_allocatable=4000,
        memory_allocatable=4 * GIB,
        gpu_allocatable={GPU: 2},
    )
    Node.objects.create(cluster=cluster, uid="g", name="g", facts=msgspec.to_builtins(gpus))
    Cluster.objects.update(version=version)
    found = checks_of(preflight(drafted(team, deployer, resources={"gpu": 1}), ask_cluster=False))["gpu"]
    assert (found.state, "No real GPU" in found.text) == ("ok", is_told)


def test_a_rolling_update_needs_room_beside_its_old_pods(
    deployment: Deployment, deployer: User, cluster: Cluster, node: NodeFacts
) -> None:
    half = {"cpu": "500m", "cpu_limit": "500m"}
    for name in ("a", "b"):
        place(cluster, own_pod(name), deployment)

    def nodes(**changes: Any) -> Check:
        draft = intent.draft_change(deployment, {"resources": half, **changes}, by=deployer)
        return checks_of(preflight(draft, ask_cluster=False))["nodes"]

    assert nodes().state == "warning"
    assert nodes(rollout={"max_surge": 0, "max_unavailable": 1}).state == "ok"
    assert nodes(rollout={"strategy": "Recreate"}).state == "ok"


def test_of_a_silent_cluster_nobody_knows_what_fits(
    team: Team, deployer: User, house: ModelVersion, cluster: Cluster, node: NodeFacts
) -> None:
    Cluster.objects.update(state=ClusterState.UNREACHABLE, unreachable_since=timezone.now())
    found = checks_of(preflight(drafted(team, deployer), ask_cluster=False))
    assert {found[code].state for code in ("nodes", "quota", "dry_run")} == {"unknown"}


def test_an_image_that_has_not_run_here_is_said_to_be_unchecked(
    team: Team, deployer: User, deployment: Deployment
) -> None:
    def found() -> Check:
        return checks_of(preflight(drafted(team, deployer), ask_cluster=False))["image"]

    assert (found().state, "whether it can be pulled" in found().text) == ("unknown", True)
    deployment.revisions.update(served_at=timezone.now())
    assert (found().state, "has run" in found().text) == ("ok", True)


def test_a_cluster_that_does_not_answer_is_unknown_and_says_why(
    team: Team, deployer: User, house: ModelVersion, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_args: object, **_options: object) -> Rehearsal:
        raise ClusterNotReachable("connection refused")

    monkeypatch.setattr(ask, "rehearse", nobody)
    found = checks_of(preflight(drafted(team, deployer), ask_cluster=True))
    assert (found["dry_run"].state, "connection refused" in found["dry_run"].text) == ("unknown", True)


def test_the_clusters_words_are_told(
    team: Team, deployer: User, house: ModelVersion, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Rehearsal(
        tried=("Service", "Deployment"),
        refusals=(Refusal(kind="Service", name="new", message="provided port is already allocated"),),
        warnings=("would violate PodSecurity",),
        quotas=None,
        gaps=("Quotas may not be read: forbidden",),
    )
    monkeypatch.setattr(ask, "rehearse", lambda *_args, **_options: said)
    found = preflight(drafted(team, deployer), ask_cluster=True)
    checks = checks_of(found)
    assert checks["dry_run"].state == found.worst == "error"
    assert "provided port is already allocated" in checks["dry_run"].text
    assert (checks["quota"].state, found.warnings) == ("unknown", ("would violate PodSecurity",))


class Rehearsing(FakeCluster):
    """Keeps nothing: every apply must be a dry run."""

    def apply(self, manifest: Manifest, *, dry_run: bool = False, **_options: Any) -> Applied:
        assert dry_run, "a rehearsal changed the cluster"
        if self.failures:
            raise self.failures.pop(0)
        self.applied.append(manifest["kind"])
        return Applied(manifest, warnings=(f"about {manifest['kind']}",))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Rehearsing:
    cluster = Rehearsing()
    monkeypatch.setattr(clients, "client_of", cluster)
    return cluster


def rehearsed(row: Deployment, *, is_new: bool = True) -> Rehearsal:
    wish = msgspec.to_builtins(wish_of(row))
    return msgspec.convert(rehearsing.rehearse(row.cluster_id, wish=wish, is_new=is_new), Rehearsal)


def test_every_object_is_tried_and_none_is_written(deployment: Deployment, stage: Rehearsing) -> None:
    stage.objects["ResourceQuota", "pricing", "team"] = {
        "kind": "ResourceQuota",
        "metadata": {"name": "team"},
        "status": {"hard": {"pods": "10"}, "used": {"pods": "3"}},
    }
    stage.objects["ResourceQuota", "pricing", "batch"] = {
        "kind": "ResourceQuota",
        "metadata": {"name": "batch"},
        "spec": {"hard": {"pods": "0"}, "scopes": ["Terminating"]},
    }
    found = rehearsed(deployment)
    assert found.tried == ("Service", "Deployment", "PodDisruptionBudget")
    assert found.warnings == ("about Service", "about Deployment", "about PodDisruptionBudget")
    assert found.quotas == (Quota(name="team", hard={"pods": "10"}, used={"pods": "3"}),)
    assert (found.refusals, found.gaps) == ((), ())


def test_one_refusal_hides_no_other(deployment: Deployment, stage: Rehearsing) -> None:
    stage.failures = [Invalid("port taken", status=422), Forbidden("not allowed", status=403)]
    found = rehearsed(deployment)
    assert [refusal.message for refusal in found.refusals] == ["port taken", "not allowed"]
    assert found.tried == ("Service", "Deployment", "PodDisruptionBudget")


def test_somebody_elses_object_is_a_refusal_for_a_new_deployment_only(
    deployment: Deployment, stage: Rehearsing
) -> None:
    stage.objects["Service", "pricing", "house-prices"] = {
        "kind": "Service",
        "metadata": {"name": "house-prices", "labels": {"app": "theirs"}},
    }
    assert [refusal.kind for refusal in rehearsed(deployment).refusals] == ["Service"]
    assert rehearsed(deployment, is_new=False).refusals == ()


def test_a_namespace_that_is_made_later_is_no_refusal(deployment: Deployment, stage: Rehearsing) -> None:
    stage.failures = [NotFound('namespaces "pricing" not found', status=404)]
    found = rehearsed(deployment)
    assert (found.refusals, found.quotas, len(found.gaps)) == ((), None, 1)


def test_no_answer_is_not_taken_for_a_refusal(deployment: Deployment, stage: Rehearsing) -> None:
    stage.failures = [ClusterUnavailable("timed out")]
    with pytest.raises(ClusterUnavailable):
        rehearsed(deployment)
