"""The page of usage, the tab of one deployment, bars against limits, and the CSV."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.views.usage_export import COLUMNS, harmless
from deployments.models import Cluster, Deployment, MinuteSample, Namespace, Quota
from teams.models import Team
from tests.deployments.held import a_node, a_pod
from tests.deployments.sampled import steady

USAGE = "/usage/"


def text_of(answer: Any) -> str:
    """What a reader sees, without tags and runs of space."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def rows_of(answer: Any) -> list[dict[str, str]]:
    whole = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(whole)))


@pytest.fixture
def busy(deployment: Deployment) -> Deployment:
    """On a node, measured, sampled, and paid for."""
    Cluster.objects.update(price_cpu_hour="1", price_memory_gib_hour="0.5", metrics_at=timezone.now())
    a_node(deployment.cluster, "worker-1", cpu="4", memory="8Gi", used=("1", "2Gi"))
    a_pod(deployment, "worker-1", cpu="2", memory="1Gi", limit=("4", "2Gi"), used=("500m", "512Mi"))
    deployment.cluster.refresh_from_db()
    began = timezone.now() - timedelta(minutes=30)
    steady(MinuteSample, deployment, began, 30, cpu="2", cpu_used="500m", memory="1Gi", memory_used="512Mi")
    return deployment


def test_the_page_goes_from_the_cluster_down_to_deployments(busy: Deployment, browser: Client) -> None:
    text = text_of(browser.get(USAGE))
    assert "Cluster local 1 node" in text
    assert re.search(r"CPU, cores 1 25% 2 50% 4 2 2 worker-1 4.5", text), text
    assert re.search(r"worker-1 1 .*1 2 /4 2", text), text
    assert "Pricing" in text
    assert busy.name in text
    # A core at 1 and a GiB at 0.5: two cores and one GiB are paid, as the larger of requested and used.
    assert "2.5000" in text


def test_the_chart_is_data_and_a_table_without_a_script_of_the_page(
    busy: Deployment, browser: Client
) -> None:
    page = browser.get(USAGE, {"window": "1h"}).content.decode()
    assert 'id="chart-data" type="application/json"' in page
    assert "CPU requested" in page
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page)


def test_a_part_of_the_page_is_the_newest_chart_alone(busy: Deployment, browser: Client) -> None:
    part = browser.get(USAGE, {"window": "1h", "part": "chart"}).content.decode()
    assert "chart-data" in part
    assert "<html" not in part


def test_a_chart_of_samples_says_why_it_is_not_from_prometheus(busy: Deployment, browser: Client) -> None:
    says = "Prometheus could not be reached: this is what was sampled here instead."
    assert says not in text_of(browser.get(USAGE, {"window": "1h"}))
    Cluster.objects.update(prometheus_url="http://127.0.0.1:1")
    page = browser.get(USAGE, {"window": "1h"})
    assert says in text_of(page)
    assert 'id="chart-data"' in page.content.decode()


def test_news_do_not_carry_the_chart_again(busy: Deployment, browser: Client) -> None:
    news = browser.get(USAGE, headers={"HX-Request": "true"}).content.decode()
    assert "chart-data" not in news
    assert "hx-morph-skip" in news


def test_without_measurements_it_says_why_and_shows_requests(busy: Deployment, browser: Client) -> None:
    Cluster.objects.update(metrics_message="Install metrics-server, and figures come.")
    text = text_of(browser.get(USAGE))
    assert "What is used is not known; requests are. Install metrics-server" in text


def test_without_prices_it_says_who_can_set_them(busy: Deployment, browser: Client) -> None:
    Cluster.objects.update(price_cpu_hour=None)
    assert "Cluster local has no prices yet. An admin can set" in text_of(browser.get(USAGE))


def test_without_a_cluster_it_says_what_to_do(stranger: User, browser_of: Callable[[User], Client]) -> None:
    assert "No cluster yet" in text_of(browser_of(stranger).get(USAGE))


def test_another_team_is_a_total_without_names(
    busy: Deployment, browser: Client, admin: User, browser_of: Callable[[User], Client]
) -> None:
    fraud = Team.objects.create(name="fraud", title="Fraud squad")
    Namespace.objects.create(cluster=busy.cluster, team=fraud, name="fraud")
    Deployment.objects.filter(pk=busy.pk).update(team=fraud)
    for address in (USAGE, reverse("usage-export")):
        answer: Any = browser.get(address, {"team": "fraud"})
        told = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"other teams" in told.lower()
        assert b"fraud" not in told.lower().replace(b"team=fraud", b"")
        assert busy.name.encode() not in told
    assert "Fraud squad" in text_of(browser_of(admin).get(USAGE))


@pytest.mark.parametrize(
    "query",
    [
        {"cluster": "nowhere"},
        {"team": "nobody"},
        {"window": "1y"},
        {"sort": "-password"},
        {"by": "secrets", "page": "x", "nodes": "-1", "node": "<b>"},
    ],
)
def test_an_address_that_makes_no_sense_shows_what_there_is(
    query: dict[str, str], busy: Deployment, browser: Client
) -> None:
    answer = browser.get(USAGE, query)
    assert answer.status_code == 200
    assert busy.name in text_of(answer)


def test_models_are_listed_with_what_they_cost(busy: Deployment, browser: Client) -> None:
    assert re.search(r"house pricing 1 2\.5000", text_of(browser.get(USAGE, {"by": "models"})))


def test_the_pieces_of_a_node_are_told_in_words(busy: Deployment, browser: Client) -> None:
    text = text_of(browser.get(USAGE, {"node": "worker-1"}))
    assert f"pricing/{busy.name} 1 pod: 2 cores, 1 GiB" in text


def test_the_csv_has_every_level(busy: Deployment, browser: Client) -> None:
    rows = rows_of(browser.get(reverse("usage-export")))
    assert [row["level"] for row in rows] == ["cluster", "node", "team", "deployment"]
    assert rows[1]["cpu_millicores_allocatable"] == "4000"
    assert (rows[3]["name"], rows[3]["cpu_millicores_used"], rows[3]["cost_hour"]) == (
        busy.name,
        "500",
        "2.5000",
    )
    assert set(rows[0]) == set(COLUMNS)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_no_cell_of_the_csv_is_a_formula(text: str, busy: Deployment, team: Team, browser: Client) -> None:
    assert harmless(text) == f"'{text}"
    Team.objects.filter(pk=team.pk).update(title=text)
    names = [row["name"] for row in rows_of(browser.get(reverse("usage-export")))]
    assert f"'{text}" in names


def test_a_team_sees_what_is_left_of_its_quota(busy: Deployment, team: Team, browser: Client) -> None:
    Quota.objects.create(team=team, cluster=busy.cluster, replicas=5)
    assert re.search(r"quota: replicas \d of 5, \d left", text_of(browser.get(USAGE)))


def test_a_deployment_has_its_own_tab(busy: Deployment, browser: Client) -> None:
    text = text_of(browser.get(reverse("deployment-usage", args=["pricing", busy.name])))
    assert "CPU used 0.5 25% of requested" in text
    assert "0.5 /4" in text
    assert "512Mi /2Gi" in text
    assert "2.5000" in text


def test_the_list_and_the_pods_show_use_against_limits(busy: Deployment, browser: Client) -> None:
    for address in (reverse("deployments"), reverse("deployment", args=["pricing", busy.name])):
        answer = browser.get(address)
        assert 'title="0.5 of at most 4 (12%)"' in answer.content.decode()
        assert "512Mi /2Gi" in text_of(answer)


def test_the_first_page_has_a_strip_of_usage(busy: Deployment, browser: Client) -> None:
    text = text_of(browser.get(reverse("overview")))
    assert "2 of 4 cores requested , 1 used" in text.replace("requested,", "requested ,")
