"""What leads and admins keep: registry logins, sizes, prices, node presets; and what is archived."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import intent, selectors
from deployments.errors import (
    Conflict,
    DomainError,
    DuplicateName,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RegistryInUse,
)
from deployments.models import Cluster, Deployment, ModelVersion, NodePreset, RegistryCredential, SizePreset
from deployments.secrets import secrets_of
from k8s.spec import PRESETS
from teams.models import AuditEntry, Team

LOGIN = {"registry": "ghcr.io", "username": "robot", "password": "open-sesame"}
SIZE = {"name": "tiny", "cpu": "50m", "memory": "64Mi", "cpu_limit": "100m", "memory_limit": "64Mi"}
NODES = {"name": "a100", "node_selector": {"nvidia.com/gpu.product": "A100"}}


def saved(answer: Any) -> Any:
    answer.refresh_from_db()
    return answer


def bad(act: str, payload: dict[str, Any], field: str, code: str) -> Any:
    return pytest.param(act, payload, field, code, id=f"{act} {field} {code}")


@pytest.mark.parametrize(
    ("act", "payload", "field", "code"),
    [
        bad("login", {**LOGIN, "registry": "https://ghcr.io"}, "registry", "invalid_host"),
        bad("login", {**LOGIN, "registry": "ghcr.io/team"}, "registry", "invalid_host"),
        bad("login", {**LOGIN, "registry": ""}, "registry", "required"),
        bad("login", {**LOGIN, "username": ""}, "username", "required"),
        bad("login", {**LOGIN, "password": ""}, "password", "required"),
        bad("login", {**LOGIN, "password": 5}, "password", "not_text"),
        bad("login", {**LOGIN, "email": "a@b"}, "email", "unknown_field"),
        bad("size", {**SIZE, "name": "Tiny"}, "name", "invalid_name"),
        bad("size", {**SIZE, "name": ""}, "name", "required"),
        bad("size", {**SIZE, "cpu": "lots"}, "cpu", "invalid_quantity"),
        bad("size", {**SIZE, "memory": "1Gi"}, "memory_limit", "limit_below_request"),
        bad("size", {**SIZE, "gpu": -1}, "gpu", "out_of_range"),
        bad("size", {**SIZE, "disk": "1Gi"}, "disk", "unknown_field"),
        bad("cluster", {"gpu_resource": "gpu"}, "gpu_resource", "invalid_name"),
        bad("cluster", {"price_cpu_hour": "cheap"}, "price_cpu_hour", "not_a_number"),
        bad("cluster", {"price_cpu_hour": True}, "price_cpu_hour", "not_a_number"),
        bad("cluster", {"price_cpu_hour": "NaN"}, "price_cpu_hour", "not_a_number"),
        bad("cluster", {"price_gpu_hour": -1}, "price_gpu_hour", "out_of_range"),
        bad("cluster", {"price_gpu_hour": "1e30"}, "price_gpu_hour", "out_of_range"),
        bad("cluster", {"currency": "euro"}, "currency", "too_long"),
        bad("cluster", {"currency": "eur"}, "currency", "invalid_currency"),
        bad("cluster", {"name": "x"}, "name", "read_only"),
        bad("cluster", {"cost_basis": "free"}, "cost_basis", "not_a_choice"),
        bad("cluster", {"node_address": "http://node1/"}, "node_address", "invalid_host"),
        bad("cluster", {"prometheus_url": 5}, "prometheus_url", "not_text"),
        bad("cluster", {"prometheus_url": "http://p/" + "a" * 300}, "prometheus_url", "too_long"),
        bad("nodes", {"name": "a100"}, "node_selector", "required"),
        bad("nodes", {**NODES, "node_selector": []}, "node_selector", "not_an_object"),
        bad("nodes", {**NODES, "node_selector": {"a b": "c"}}, "node_selector", "invalid_label"),
        bad("nodes", {**NODES, "node_selector": {"a": "b c"}}, "node_selector.a", "invalid_label"),
        bad("nodes", {**NODES, "tolerations": [{}]}, "tolerations[0].key", "required"),
        bad(
            "nodes",
            {**NODES, "tolerations": [{"key": "a", "value": "b"}]},
            "tolerations[0].value",
            "not_applicable",
        ),
        bad(
            "nodes",
            {**NODES, "tolerations": [{"key": "a", "effect": "No"}]},
            "tolerations[0].effect",
            "not_a_choice",
        ),
        bad("nodes", {**NODES, "tolerations": "all"}, "tolerations", "not_a_list"),
        bad("nodes", {**NODES, "affinity": {}}, "affinity", "unknown_field"),
        bad("version", {"env_schema": {}}, "env_schema", "not_a_list"),
        bad("version", {"env_schema": [{"name": "9A"}]}, "env_schema[0].name", "invalid_env_name"),
        bad("version", {"env_schema": [{"name": "A"}, {"name": "A"}]}, "env_schema[1].name", "doubled"),
        bad(
            "version",
            {"env_schema": [{"name": "A", "secret": True, "default": "x"}]},
            "env_schema[0].default",
            "not_applicable",
        ),
        bad("version", {"env_schema": [{"name": "A", "type": "int"}]}, "env_schema[0].type", "unknown_field"),
        bad(
            "version",
            {"links": [{"title": "x", "url": "javascript:alert(1)"}]},
            "links[0].url",
            "invalid_url",
        ),
        bad("version", {"links": ["https://a.example"]}, "links[0]", "not_an_object"),
        bad("version", {"run_as_user": -1}, "run_as_user", "out_of_range"),
        bad("version", {"archived": "yes"}, "archived", "not_a_boolean"),
        bad("version", {"archived_at": "now"}, "archived_at", "read_only"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    team: Team,
    cluster: Cluster,
    house: ModelVersion,
    admin: User,
    act: str,
    payload: dict[str, Any],
    field: str,
    code: str,
) -> None:
    acts: dict[str, Callable[[], object]] = {
        "login": lambda: intent.set_registry(team, payload, by=admin),
        "size": lambda: intent.save_size_preset(payload, by=admin),
        "cluster": lambda: intent.change_cluster(cluster, payload, by=admin),
        "nodes": lambda: intent.save_node_preset(cluster, payload, by=admin),
        "version": lambda: intent.change_version(house, payload, by=admin),
    }
    with pytest.raises(InvalidInput) as refused:
        acts[act]()
    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]


def test_a_login_reaches_the_workers_and_nobody_else(
    team: Team, cluster: Cluster, lead: User, deployer: User
) -> None:
    row = saved(intent.set_registry(team, {**LOGIN, "registry": " GHCR.io "}, by=lead))
    assert (row.registry, row.username, row.updated_by) == ("ghcr.io", "robot", "lead")
    assert "open-sesame" not in row.sealed_password
    assert "open-sesame" not in str(list(AuditEntry.objects.values_list("detail", "target")))
    made = intent.create_deployment(team, {"name": "h", "image": "ghcr.io/a/house:1"}, by=deployer).deployment
    pull = secrets_of(made).pull
    assert pull is not None
    assert (pull.registry, pull.username, pull.password) == ("ghcr.io", "robot", "open-sesame")
    assert "open-sesame" not in repr(pull)


def test_a_renewed_login_is_written_at_once(team: Team, cluster: Cluster, lead: User, deployer: User) -> None:
    intent.set_registry(team, LOGIN, by=lead)
    user = intent.create_deployment(team, {"name": "h", "image": "ghcr.io/a/house:1"}, by=deployer).deployment
    other = intent.create_deployment(team, {"name": "o", "image": "a/other:1"}, by=deployer).deployment
    intent.set_registry(team, {"registry": "ghcr.io", "username": "second"}, by=lead)
    pull = secrets_of(user).pull
    assert pull is not None
    assert (pull.username, pull.password) == ("second", "open-sesame")
    assert (saved(user).generation, user.revision, saved(other).generation) == (2, 1, 1)
    with pytest.raises(RegistryInUse) as refused:
        intent.remove_registry(RegistryCredential.objects.get(), by=lead)
    assert "used by h" in refused.value.detail
    intent.delete(user, by=lead)
    intent.remove_registry(RegistryCredential.objects.get(), by=lead)
    assert list(selectors.registries_of(team)) == []


def test_a_team_has_only_so_many_logins(team: Team, lead: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.intent.registries.MOST_REGISTRIES", 1)
    intent.set_registry(team, LOGIN, by=lead)
    intent.set_registry(team, LOGIN, by=lead)
    with pytest.raises(InvalidInput) as refused:
        intent.set_registry(team, {**LOGIN, "registry": "quay.io"}, by=lead)
    assert [error.code for error in refused.value.errors] == ["too_many"]


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_one_name(team: Team, lead: User, host: str) -> None:
    assert intent.set_registry(team, {**LOGIN, "registry": host}, by=lead).registry == "docker.io"


def test_sizes_are_kept_by_admins(admin: User) -> None:
    assert [size.name for size in selectors.size_presets()] == list(PRESETS)
    tiny = saved(intent.save_size_preset({**SIZE, "position": 1}, by=admin))
    assert (tiny.cpu, tiny.memory_limit, tiny.gpu) == ("50m", "64Mi", 0)
    assert [size.name for size in selectors.size_presets()] == ["tiny"]
    with pytest.raises(Conflict):
        intent.delete_size_preset(tiny, by=admin)
    with pytest.raises(DuplicateName):
        intent.save_size_preset(SIZE, by=admin)
    big = intent.save_size_preset({**SIZE, "name": "big", "cpu_limit": "2"}, by=admin)
    changed = saved(intent.save_size_preset({"cpu": "1"}, by=admin, current=big))
    assert (changed.name, changed.cpu, changed.cpu_limit) == ("big", "1", "2")
    with pytest.raises(DuplicateName):
        intent.save_size_preset({"name": "tiny"}, by=admin, current=changed)
    intent.delete_size_preset(tiny, by=admin)
    assert SizePreset.objects.get().name == "big"


def test_a_cluster_has_prices(cluster: Cluster, admin: User) -> None:
    prices = {"price_cpu_hour": "0.031611", "price_memory_gib_hour": 0.004, "currency": "EUR"}
    row = saved(intent.change_cluster(cluster, {**prices, "gpu_resource": "amd.com/gpu"}, by=admin))
    assert (row.price_cpu_hour, row.price_memory_gib_hour) == (Decimal("0.03161"), Decimal("0.00400"))
    assert (row.price_gpu_hour, row.currency, row.gpu_resource) == (None, "EUR", "amd.com/gpu")
    row = saved(intent.change_cluster(cluster, {"price_cpu_hour": None}, by=admin))
    assert (row.price_cpu_hour, row.currency) == (None, "EUR")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("prometheus:9090", "Begin with"),
        ("file:///etc/passwd", "Begin with"),
        ("http://", "Begin with"),
        ("http://[::1", "no address"),
        ("http://p:99999", "no address"),
        ("http://robot:secret@p:9090", "Leave out user and password"),
        ("http://@p:9090", "Leave out user and password"),
        ("http://p:9090/#graph", "follows #"),
        ("http://p:9090/?a=b", "question mark"),
        ("http://p:9090/\r\nX: 1", "control"),
        ("http://prom\u00e9th\u00e9e/", "xn--"),
        ("http://169.254.169.254/latest", "metadata"),
        ("http://[fe80::1]:9090", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "metadata"),
        ("http://[64:ff9b::a9fe:a9fe]/", "metadata"),
        ("http://100.100.100.200/", "metadata"),
        ("http://[fd00:ec2::254]/", "metadata"),
    ],
)
def test_an_address_of_prometheus_that_cannot_be_is_refused_with_a_word_why(
    url: str, words: str, cluster: Cluster, admin: User
) -> None:
    with pytest.raises(InvalidInput) as refused:
        intent.change_cluster(cluster, {"prometheus_url": url}, by=admin)
    [error] = refused.value.errors
    assert (error.field, error.code) == ("prometheus_url", "invalid_url")
    assert words in error.message
    assert saved(cluster).prometheus_url == ""


def test_a_cluster_has_addresses_and_says_what_is_paid_for(cluster: Cluster, admin: User) -> None:
    inside = {
        "cost_basis": "used",
        "node_address": "10.0.0.9",
        "prometheus_url": " http://10.0.0.9:9090/prom ",
    }
    row = saved(intent.change_cluster(cluster, inside, by=admin))
    assert (row.cost_basis, row.node_address) == ("used", "10.0.0.9")
    assert row.prometheus_url == "http://10.0.0.9:9090/prom"
    row = saved(intent.change_cluster(cluster, {"currency": "EUR"}, by=admin))
    assert (row.cost_basis, row.node_address) == ("used", "10.0.0.9")
    row = saved(intent.change_cluster(cluster, {"prometheus_url": "", "node_address": None}, by=admin))
    assert (row.prometheus_url, row.node_address) == ("", "10.0.0.9")
    assert "10.0.0.9:9090" in str(AuditEntry.objects.filter(action="change cluster").values_list("after"))


def test_node_presets_belong_to_a_cluster(cluster: Cluster, admin: User) -> None:
    tolerations = [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
    row = saved(intent.save_node_preset(cluster, {**NODES, "tolerations": tolerations}, by=admin))
    assert row.tolerations == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "value": "", "effect": "NoSchedule"}
    ]
    with pytest.raises(DuplicateName):
        intent.save_node_preset(cluster, NODES, by=admin)
    row = saved(intent.save_node_preset(cluster, {"description": "fast"}, by=admin, current=row))
    assert (row.description, row.node_selector) == ("fast", NODES["node_selector"])
    assert list(selectors.node_presets_of(cluster)) == [row]
    intent.delete_node_preset(row, by=admin)
    with pytest.raises(NotFound):
        selectors.get_node_preset(cluster, "a100")


def test_the_installation_is_for_admins(team: Team, cluster: Cluster, lead: User, deployer: User) -> None:
    size = SizePreset.objects.create(**SIZE)
    nodes = NodePreset.objects.create(cluster=cluster, **NODES)
    acts: list[Callable[[], object]] = [
        lambda: intent.save_size_preset(SIZE, by=lead),
        lambda: intent.delete_size_preset(size, by=lead),
        lambda: intent.change_cluster(cluster, {}, by=lead),
        lambda: intent.save_node_preset(cluster, NODES, by=lead),
        lambda: intent.delete_node_preset(nodes, by=lead),
        lambda: intent.set_registry(team, LOGIN, by=deployer),
    ]
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    assert AuditEntry.objects.filter(allowed=False).count() == len(acts)
    assert (SizePreset.objects.count(), NodePreset.objects.count()) == (1, 1)


def test_what_is_archived_is_told_and_comes_back(
    team: Team, deployment: Deployment, house: ModelVersion, deployer: User, stranger: User
) -> None:
    row = saved(intent.change_version(house, {"archived": True}, by=deployer))
    since = row.archived_at
    assert since is not None
    assert saved(intent.change_version(house, {"archived": True}, by=deployer)).archived_at == since
    assert saved(intent.change_version(house, {"archived": False}, by=deployer)).archived_at is None
    model = saved(intent.change_model(house.model, {"archived": True}, by=deployer))
    assert model.archived_at is not None
    actions = list(AuditEntry.objects.filter(action__contains="archive").values_list("action", flat=True))
    assert actions == ["archive model", "unarchive version", "archive version", "archive version"]
    assert [one.name for one in selectors.deployments_of_version(house, deployer)] == ["house-prices"]
    assert not selectors.deployments_of_version(house, stranger).exists()


def test_a_version_says_what_its_deployments_need(house: ModelVersion, deployer: User) -> None:
    payload = {
        "env_schema": [
            {"name": "MODE", "default": "fast"},
            {"name": "KEY", "required": True, "secret": True},
        ],
        "links": [{"title": "Card", "url": "https://models.example/house"}],
        "run_as_user": 65534,
    }
    row = saved(intent.change_version(house, payload, by=deployer))
    assert row.env_schema[0] == {
        "name": "MODE",
        "description": "",
        "default": "fast",
        "required": False,
        "secret": False,
    }
    assert (row.links, row.run_as_user) == (payload["links"], 65534)
    kept = saved(intent.change_version(house, {"description": "x"}, by=deployer))
    assert (kept.links, kept.run_as_user) == (payload["links"], 65534)
    assert saved(intent.change_version(house, {"run_as_user": None}, by=deployer)).run_as_user is None


def test_bulk_answers_for_each(
    team: Team, deployment: Deployment, deployer: User, lead: User, viewer: User
) -> None:
    other = {"name": "other", "model": "house", "version": "1.0"}
    row = intent.create_deployment(team, other, by=deployer).deployment
    hpa = {"max_replicas": 3, "target_cpu_percent": 50}
    intent.autoscale(row, hpa, by=deployer)
    targets = [("pricing", "house-prices"), ("pricing", "other"), ("pricing", "nobody"), ("moon", "x")]
    results = intent.bulk("scale", [*targets, targets[0]], by=deployer, replicas=5)
    assert [(result.name, result.error.code if result.error else "") for result in results] == [
        ("house-prices", ""),
        ("other", "autoscaler_owns_replicas"),
        ("nobody", "not_found"),
        ("x", "not_found"),
    ]
    assert saved(deployment).replicas == 5
    for action, paused in (("pause", True), ("resume", False), ("restart", False)):
        done = intent.bulk(action, targets[:2], by=deployer)
        assert [result.operation.action for result in done if result.operation] == [action, action]
        assert (saved(deployment).paused_at is not None) is paused
    refused = intent.bulk("restart", targets[:2], by=viewer)
    assert [result.error.code for result in refused if result.error] == ["permission_denied"] * 2


@pytest.mark.parametrize(
    ("action", "targets", "replicas", "field"),
    [
        ("delete", [("pricing", "a")], None, "action"),
        ("scale", [("pricing", "a")], None, "replicas"),
        ("scale", [("pricing", "a")], -1, "replicas"),
        ("pause", [], None, "targets"),
        ("pause", [("pricing", str(n)) for n in range(501)], None, "targets"),
    ],
    ids=["action", "no count", "bad count", "none", "many"],
)
def test_bulk_of_nonsense_is_refused_as_a_whole(
    deployer: User, action: str, targets: list[tuple[str, str]], replicas: object, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        intent.bulk(action, targets, by=deployer, replicas=replicas)
    assert [error.field for error in refused.value.errors] == [field]
