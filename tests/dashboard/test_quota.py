"""A team's quota on its page, and what is left of it wherever a number is asked for."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments import intent
from deployments.models import Cluster, Deployment, Namespace, Pod, Quota
from teams.models import Team

ONE = ("pricing", "house-prices")


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def url(name: str = "team-quota") -> str:
    return reverse(name, args=["pricing"])


@pytest.fixture
def desk(lead: User, browser_of: Callable[[User], Client]) -> Client:
    """The lead's browser."""
    return browser_of(lead)


@pytest.fixture
def limited(team: Team, cluster: Cluster, admin: User, deployment: Deployment) -> Quota:
    """Three replicas and half a core, of which one replica asks for 100m."""
    Pod.objects.create(
        cluster=cluster,
        deployment=deployment,
        uid="1",
        namespace="pricing",
        name="p",
        phase="Running",
        cpu_request=100,
        facts={},
    )
    payload = {"cpu": {"limit": "500m", "ceiling": "2"}, "replicas": {"limit": 3}}
    return intent.set_quota(team, cluster, payload, by=admin)


def test_everybody_in_the_team_reads_the_quota_in_words(browser: Client, limited: Quota) -> None:
    page = words_of(browser.get(url("team")))
    assert 'aria-label="100m asked for and 100m held by pods, of 500m"' in page
    assert '<td data-label="Left" class="num"><b>400m</b></td>' in page
    assert '<td data-label="Ceiling" class="num">2</td>' in page
    assert "no limit" in page
    assert url() not in page


def test_a_lead_sets_limits_and_no_ceilings(desk: Client, limited: Quota) -> None:
    page = words_of(desk.get(url("team")))
    assert 'name="cpu.limit" value="500m" placeholder="2"' in page
    assert "cpu.ceiling" not in page
    typed = {"cluster": "local", "cpu.limit": "1", "memory.limit": "4Gi", "replicas.limit": ""}
    # Whoever types a ceiling into the form has it ignored: it is not theirs.
    page = words_of(desk.post(url(), {**typed, "cpu.ceiling": "64"}, follow=True))
    assert "The quota of Pricing in local is stored." in page
    limited.refresh_from_db()
    assert (limited.cpu, limited.memory, limited.replicas) == (1000, 4 * 2**30, None)
    assert limited.ceiling_cpu == 2000


def test_an_admin_sets_ceilings_in_the_same_form(
    admin: User, browser_of: Callable[[User], Client], limited: Quota
) -> None:
    page = browser_of(admin).get(url("team"))
    assert 'name="cpu.ceiling" value="2"' in words_of(page)
    typed = {"cluster": "local", "cpu.ceiling": "250m", "gpu.ceiling": "0"}
    assert browser_of(admin).post(url(), typed).status_code == 302
    limited.refresh_from_db()
    assert (limited.cpu, limited.ceiling_cpu, limited.ceiling_gpu, limited.replicas) == (None, 250, 0, None)


def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(desk: Client, limited: Quota) -> None:
    typed = {"cluster": "local", "cpu.limit": "8", "memory.limit": "1Gb", "replicas.limit": "seven"}
    answer = desk.post(url(), typed)
    page = words_of(answer)
    assert answer.status_code == 422
    assert "The ceiling that admins have set is 2." in page
    assert page.count('aria-invalid="true"') == 3
    for value in ("8", "1Gb", "seven"):
        assert f'value="{value}"' in page
    limited.refresh_from_db()
    assert limited.cpu == 500


def test_what_the_cluster_said_no_to_is_told(browser: Client, limited: Quota) -> None:
    assert "On its way to the cluster." in words_of(browser.get(url("team")))
    Quota.objects.update(apply_error="The cluster refused it: resourcequotas is forbidden")
    assert "resourcequotas is forbidden" in words_of(browser.get(url("team")))


def test_a_lowered_quota_says_that_it_is_exceeded(desk: Client, limited: Quota) -> None:
    desk.post(url(), {"cluster": "local", "replicas.limit": "0"})
    assert "none: over the limit" in words_of(desk.get(url("team")))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("deployment", ONE),
        ("deployment-scaling", ONE),
        ("deployment-settings", ONE),
        ("deployments-new", ()),
        ("deployments-bulk", ()),
    ],
)
def test_what_is_left_stands_beside_every_number_that_is_asked_for(
    name: str, arguments: tuple[str, ...], browser: Client, limited: Quota
) -> None:
    address = reverse(name, args=arguments) + (
        "?action=scale&chosen=pricing/house-prices" if name == "deployments-bulk" else ""
    )
    page = words_of(browser.get(address))
    assert "for 100m of 500m CPU, 1 of 3 replicas; pods hold 100m CPU, 1 replica;" in page
    assert "left: 400m CPU, 2 replicas." in page
    if arguments:
        assert "room for <b>2 more replicas of this size</b>" in page
    limited.delete()
    assert "pods hold" not in words_of(browser.get(address))


def test_a_refusal_is_said_where_the_number_was_typed(browser: Client, limited: Quota) -> None:
    for name, typed in (
        ("deployment-scale", {"replicas": "4"}),
        ("deployment-scaling", {"mode": "fixed", "replicas": "4"}),
        ("deployment-settings", {"source": "version", "version": "house@1.0", "replicas": "4"}),
    ):
        answer = browser.post(reverse(name, args=ONE), typed)
        assert answer.status_code == 422, name
        page = words_of(answer)
        assert "2 replicas left, and this needs 3 replicas more" in page, name
        assert 'value="4"' in page
    typed = {"image": "local/iris:1.0", "name": "iris", "replicas": "3", "source": "image"}
    answer = browser.post(reverse("deployments-new"), typed)
    assert answer.status_code == 422
    assert "2 replicas left, and this needs 3 replicas more" in words_of(answer)
    chosen = {"action": "scale", "chosen": "pricing/house-prices", "replicas": "9"}
    page = words_of(browser.post(reverse("deployments-bulk"), chosen))
    assert "this needs 8 replicas more" in page
    deployment = Deployment.objects.get()
    assert (deployment.replicas, deployment.generation) == (1, 1)


def test_more_clusters_cost_no_more_queries(desk: Client, team: Team, limited: Quota) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert desk.get(url("team")).status_code == 200
        return len(seen)

    before = queries()
    for number in range(3):
        far = Cluster.objects.create(name=f"far-{number}")
        Namespace.objects.create(team=team, cluster=far, name="pricing")
    assert queries() == before
    assert 'id="quota-far-2"' in words_of(desk.get(url("team")))
