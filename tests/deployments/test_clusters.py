"""Clusters are connected, looked at, given to teams, and disconnected without touching what runs."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User

from deployments import inspecting, intent
from deployments.access import access_of
from deployments.errors import ClusterInUse, DuplicateName, InvalidInput, NamespaceInUse, PermissionDenied
from deployments.inspection import Grant, Inspection
from deployments.models import Cluster, ClusterState, Deployment, Namespace
from deployments.sealing import ensure_sealing_key, seal
from k8s.cluster import Permission
from k8s.connect import IN_CLUSTER
from k8s.permissions import NEEDS, roles
from teams.models import AuditEntry, Team
from tests.deployments.fake_cluster import FakeCluster
from tests.processes import ClusterServer

pytestmark = pytest.mark.django_db
TOKEN = "canary-token-of-the-cluster"


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> str:
    return yaml.safe_dump(
        {
            "current-context": "main",
            "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.9:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
            "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        }
    )


@pytest.fixture(autouse=True)
def sealing(db: None) -> None:
    ensure_sealing_key()


def connected(admin: User, name: str = "second", **more: Any) -> Cluster:
    return intent.connect_cluster({"name": name, "kubeconfig": kubeconfig(), **more}, by=admin)


def test_a_kubeconfig_is_kept_sealed_and_its_secret_is_nowhere_else(admin: User) -> None:
    cluster = connected(admin, node_address="node1.example.com")
    assert access_of(cluster).token == TOKEN
    assert (cluster.state, cluster.node_address) == (ClusterState.UNKNOWN, "node1.example.com")
    entry = AuditEntry.objects.get(action="connect cluster")
    assert TOKEN not in cluster.credentials
    assert TOKEN not in f"{entry.detail}"


def bad(payload: dict[str, Any], field: str, code: str) -> Any:
    return pytest.param(payload, field, code, id=f"{field} {code}")


EXEC = {"exec": {"command": "steal", "apiVersion": "client.authentication.k8s.io/v1"}}


@pytest.mark.parametrize(
    ("payload", "field", "code"),
    [
        bad({"name": "Second"}, "name", "invalid_name"),
        bad({"name": ""}, "name", "required"),
        bad({"kubeconfig": ""}, "kubeconfig", "required"),
        bad({"kubeconfig": "{"}, "kubeconfig", "unusable_kubeconfig"),
        bad({"kubeconfig": "a: &a [1]\nb: [*a, *a]"}, "kubeconfig", "unusable_kubeconfig"),
        bad({"kubeconfig": kubeconfig(user=EXEC)}, "kubeconfig", "unusable_kubeconfig"),
        bad(
            {"kubeconfig": kubeconfig(user={"auth-provider": {"name": "x"}})},
            "kubeconfig",
            "unusable_kubeconfig",
        ),
        bad(
            {"kubeconfig": kubeconfig(user={"tokenFile": "/etc/passwd"})}, "kubeconfig", "unusable_kubeconfig"
        ),
        bad(
            {"kubeconfig": kubeconfig({"certificate-authority": "/etc/passwd"})},
            "kubeconfig",
            "unusable_kubeconfig",
        ),
        bad(
            {"kubeconfig": kubeconfig({"insecure-skip-tls-verify": True})},
            "kubeconfig",
            "unusable_kubeconfig",
        ),
        *(
            bad({"kubeconfig": kubeconfig({"server": server})}, "kubeconfig", "unusable_kubeconfig")
            for server in (
                "https://169.254.169.254/latest",
                "https://[fd00:ec2::254]:443",
                "https://[::ffff:169.254.169.254]",
                "http://10.0.0.9:8080",
                "file:///etc/passwd",
            )
        ),
        bad({"context": "other"}, "kubeconfig", "unusable_kubeconfig"),
        bad({"in_cluster": True}, "kubeconfig", "not_applicable"),
        bad({"node_address": "http://node1/"}, "node_address", "invalid_host"),
        bad({"token": TOKEN}, "token", "unknown_field"),
    ],
)
def test_what_cannot_be_used_is_refused_by_field_and_nothing_is_stored(
    payload: dict[str, Any], field: str, code: str, admin: User
) -> None:
    with pytest.raises(InvalidInput) as refused:
        connected(admin, **payload)
    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (field, code)
    assert TOKEN not in str(refused.value)
    assert not Cluster.objects.exists()


def test_an_admin_may_allow_a_certificate_that_is_not_verified(admin: User) -> None:
    text = kubeconfig({"insecure-skip-tls-verify": True})
    cluster = intent.connect_cluster(
        {"name": "lab", "kubeconfig": text, "allow_insecure_tls": True}, by=admin
    )
    context = access_of(cluster).ssl_context()
    assert context is not None
    assert (context.check_hostname, context.verify_mode.name) == (False, "CERT_NONE")
    assert AuditEntry.objects.get(action="connect cluster").detail["allow_insecure_tls"] is True
    # What asks for verification is verified, whatever the admin would allow.
    strict = access_of(connected(admin, allow_insecure_tls=True)).ssl_context()
    assert strict is not None
    assert strict.verify_mode.name == "CERT_REQUIRED"


def test_a_name_is_taken_once(admin: User) -> None:
    connected(admin)
    with pytest.raises(DuplicateName):
        connected(admin)


ACTS: dict[str, Callable[[Cluster, Namespace, User], object]] = {
    "connect": lambda _c, _n, by: connected(by, "third"),
    "reconnect": lambda c, _n, by: intent.reconnect_cluster(c, {"kubeconfig": kubeconfig()}, by=by),
    "disconnect": lambda c, _n, by: intent.disconnect_cluster(c, confirm=c.name, by=by),
    "forget": lambda c, _n, by: intent.forget_cluster(c, by=by),
    "give": lambda c, _n, by: intent.give_namespace(c, {"team": "pricing"}, by=by),
    "take": lambda _c, n, by: intent.take_namespace(n, by=by),
}


@pytest.mark.parametrize("act", ACTS)
def test_only_admins_may_and_a_refusal_is_in_the_audit(
    act: str, cluster: Cluster, team: Team, lead: User
) -> None:
    with pytest.raises(PermissionDenied):
        ACTS[act](cluster, Namespace.objects.get(), lead)
    assert AuditEntry.objects.filter(actor="lead", allowed=False).count() == 1
    cluster.refresh_from_db()
    assert (Cluster.objects.count(), Namespace.objects.count(), cluster.state) == (1, 1, "connected")


def test_disconnecting_forgets_the_credentials_alone(
    cluster: Cluster, deployment: Deployment, admin: User
) -> None:
    intent.reconnect_cluster(cluster, {"kubeconfig": kubeconfig()}, by=admin)
    with pytest.raises(InvalidInput):
        intent.disconnect_cluster(cluster, confirm="other", by=admin)
    row = intent.disconnect_cluster(cluster, confirm="local", by=admin)
    assert (row.credentials, row.state) == ("", ClusterState.DISCONNECTED)
    deployment.refresh_from_db()
    assert (deployment.generation, deployment.deleted_at) == (1, None)
    with pytest.raises(ClusterInUse, match="still has 1 deployments"):
        intent.forget_cluster(row, by=admin)
    again = intent.reconnect_cluster(row, {"kubeconfig": kubeconfig()}, by=admin)
    assert (again.state, access_of(again).token) == (ClusterState.UNKNOWN, TOKEN)
    with pytest.raises(ClusterInUse, match="Disconnect it first"):
        intent.forget_cluster(again, by=admin)


def test_a_cluster_with_nothing_of_ours_is_forgotten(admin: User) -> None:
    cluster = connected(admin)
    intent.disconnect_cluster(cluster, confirm="second", by=admin)
    intent.forget_cluster(cluster, by=admin)
    assert not Cluster.objects.exists()


def test_a_namespace_has_one_owner_and_a_team_one_namespace(
    cluster: Cluster, team: Team, admin: User, deployment: Deployment
) -> None:
    Team.objects.create(name="vision")
    for payload, field in (
        ({"team": "vision", "namespace": "pricing"}, "namespace"),
        ({"team": "pricing", "namespace": "other"}, "team"),
    ):
        with pytest.raises(NamespaceInUse) as taken:
            intent.give_namespace(cluster, payload, by=admin)
        assert taken.value.errors[0].field == field
    for payload in ({"team": "nobody"}, {"team": "vision", "namespace": "kube-system"}, {"team": ""}):
        with pytest.raises(InvalidInput):
            intent.give_namespace(cluster, payload, by=admin)
    given = intent.give_namespace(cluster, {"team": "vision"}, by=admin)
    assert given.name == "vision"
    intent.take_namespace(given, by=admin)
    with pytest.raises(NamespaceInUse, match="has deployments"):
        intent.take_namespace(Namespace.objects.get(), by=admin)


def looked_at(cluster: Cluster, **how: Any) -> Inspection:
    found = inspecting.inspect(cluster.pk, **how)
    return Inspection(version=found["version"], grants=tuple(Grant(**grant) for grant in found["grants"]))


def test_a_cluster_says_what_it_grants(admin: User, local_cluster: ClusterServer) -> None:
    text = local_cluster.kubeconfig.read_text()
    cluster = intent.connect_cluster({"name": "real", "kubeconfig": text}, by=admin)
    found = looked_at(cluster)
    assert found.version.startswith("v1.")
    assert (found.missing, found.snippet) == ([], "")


class Stingy(FakeCluster):
    """Allows nothing on Secrets, and Services in our namespace only."""

    def can_i(self, permission: Permission) -> bool:
        if permission.resource == "services":
            return permission.namespace == "pricing"
        return permission.resource != "secrets"


def test_what_is_missing_comes_as_a_role_to_paste(cluster: Cluster) -> None:
    found = looked_at(cluster, connect=Stingy())
    grants = {(line.need.who, line.need.name): {one.granted for one in line.grants} for line in found.lines}
    assert grants["worker", "services"] == {"namespaces"}
    # One watch sees all namespaces: a Role in each is not enough for it.
    assert grants["observer", "services"] == {"no"}
    (role,) = yaml.safe_load_all(found.snippet)
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "patch", "delete"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]},
    ]


def test_of_an_observer_with_an_account_of_its_own_nothing_is_called_missing(cluster: Cluster) -> None:
    ensure_sealing_key()
    cluster.credentials = seal(IN_CLUSTER)
    cluster.save()
    found = looked_at(cluster, connect=Stingy())
    verdicts = {line.need.who: {one.granted for one in line.grants} for line in found.lines}
    assert verdicts["observer"] == {"unknown"} and found.is_of_workers_alone
    assert {need.who for need in found.missing} == {"worker"}


def test_nothing_is_asked_for_by_a_star_and_secrets_are_not_listed() -> None:
    rules = yaml.safe_load(roles(NEEDS))["rules"]
    assert "*" not in {word for rule in rules for key in rule for word in rule[key]}
    (secrets,) = [rule for rule in rules if rule["resources"] == ["secrets"]]
    assert not {"list", "watch"} & set(secrets["verbs"])
