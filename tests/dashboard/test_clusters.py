"""Clusters for admins, in a browser without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.access import access_of
from deployments.models import Cluster, Namespace
from deployments.sealing import ensure_sealing_key
from teams.models import Team

TOKEN = "canary-token-of-the-cluster"
KUBECONFIG = yaml.safe_dump(
    {
        "current-context": "main",
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.9:6443"}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
    }
)


@pytest.fixture
def desk(admin: User, browser_of: Callable[[User], Client]) -> Client:
    ensure_sealing_key()
    return browser_of(admin)


def words_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def test_a_kubeconfig_is_pasted_or_chosen_as_a_file(desk: Client) -> None:
    first = {"name": "second", "kubeconfig": KUBECONFIG, "in_cluster": "false", "allow_insecure_tls": "false"}
    page = words_of(desk.post(reverse("clusters-connect"), first, follow=True))
    assert "Cluster second is being connected" in page
    assert TOKEN not in page
    file = SimpleUploadedFile("config", KUBECONFIG.encode())
    desk.post(reverse("clusters-connect"), {"name": "third", "kubeconfig_file": file})
    assert {access_of(row).token for row in Cluster.objects.all()} == {TOKEN}


def test_a_mistake_is_said_at_its_field_and_no_secret_comes_back(desk: Client) -> None:
    typed = {"name": "Second", "kubeconfig": KUBECONFIG, "node_address": "node1"}
    answer = desk.post(reverse("clusters-connect"), typed)
    page = words_of(answer)
    assert answer.status_code == 422
    assert 'id="name-error"' in page
    assert 'value="node1"' in page
    assert TOKEN not in page
    broken = SimpleUploadedFile("config", b"\xff\xfe")
    answer = desk.post(reverse("clusters-connect"), {"name": "second", "kubeconfig_file": broken})
    assert "The file is no text" in words_of(answer)
    assert not Cluster.objects.exists()


def test_a_team_is_given_a_namespace_and_loses_it(desk: Client, cluster: Cluster) -> None:
    Team.objects.create(name="vision", title="Vision")
    give = reverse("clusters-namespace-give", args=["local"])
    assert "called like the team" in words_of(desk.get(reverse("clusters-one", args=["local"])))
    answer = desk.post(give, {"team": "vision", "namespace": "pricing"})
    assert (answer.status_code, "belongs to another team" in words_of(answer)) == (409, True)
    desk.post(give, {"team": "vision", "namespace": ""})
    assert Namespace.objects.get(team__name="vision").name == "vision"
    desk.post(reverse("clusters-namespace-take", args=["local", "vision"]))
    assert not Namespace.objects.filter(team__name="vision").exists()


def test_a_namespace_is_closed_to_others_and_keeps_what_was_typed(desk: Client, cluster: Cluster) -> None:
    Cluster.objects.update(version="v1.34.0+timoneiro")
    page = reverse("clusters-namespace", args=["local", "pricing"])
    assert "enforces none" in words_of(desk.get(page))
    refused = desk.post(page, {"isolated": "true", "ingress_from": "monitoring\r\nNot One"})
    assert (refused.status_code, "Not One" in words_of(refused)) == (422, True)
    assert "team=platform" in words_of(refused)
    saved = desk.post(page, {"isolated": "true", "ingress_from": "monitoring\r\n\r\n10.0.0.0/24\r\n"})
    assert saved.status_code == 302
    space = Namespace.objects.get()
    assert (space.isolated, space.ingress_from) == (True, ["monitoring", "10.0.0.0/24"])
    assert "only named sources" in words_of(desk.get(reverse("clusters-one", args=["local"])))
    assert desk.post(page, {"isolated": "false", "ingress_from": ""}).status_code == 302
    assert not Namespace.objects.get().isolated


def test_a_cluster_is_disconnected_by_its_name_and_then_forgotten(desk: Client, cluster: Cluster) -> None:
    Cluster.objects.update(credentials="sealed")
    page = reverse("clusters-disconnect", args=["local"])
    refused = desk.post(page, {"confirm": "other"})
    assert (refused.status_code, "Type local to confirm" in words_of(refused)) == (422, True)
    assert "What runs there runs on" in words_of(desk.post(page, {"confirm": "local"}, follow=True))
    gone = desk.post(reverse("clusters-forget", args=["local"]), follow=True)
    assert "Cluster local is forgotten" in words_of(gone)
    assert not Cluster.objects.exists()


def test_the_list_asks_as_much_for_many_clusters_as_for_one(
    desk: Client, cluster: Cluster, team: Team
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert desk.get(reverse("clusters")).status_code == 200
        return len(seen)

    few = queries()
    for number in range(5):
        more = Cluster.objects.create(name=f"more-{number}")
        Namespace.objects.create(cluster=more, team=team, name="pricing")
    assert queries() == few
