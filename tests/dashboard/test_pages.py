"""What all pages have in common, and what the lists can do."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments import ask
from deployments.errors import TooSlow
from deployments.models import Cluster, ClusterState, Deployment, State

TEMPLATES = Path(settings.BASE_DIR) / "templates"
ADDRESSES = (
    *("overview", "deployments", "deployments-new", "models", "models-new", "account"),
    *("deployment", "deployment-logs", "deployment-events", "deployment-revisions", "deployment-try"),
    "deployment-scaling",
    *("deployment-yaml", "deployment-settings", "model", "model-edit"),
    *("model-version-new", "model-version-edit", "team"),
)
# What our Content-Security-Policy would block: nothing of it may be written.
BLOCKED = re.compile(
    r"<[^>]*\s(style|on[a-z]+|hx-on[:a-z-]*)=|<style|<script(?![^>]*\ssrc=)|javascript:", re.I
)


def address_of(name: str) -> str:
    if name.startswith("deployment-") or name == "deployment":
        return reverse(name, args=["pricing", "house-prices"])
    rest = {
        "team": ["pricing"],
        "model-version-edit": ["pricing", "house", "1.0"],
        **{key: ["pricing", "house"] for key in ("model", "model-edit", "model-version-new")},
    }
    return reverse(name, args=rest.get(name, []))


@pytest.mark.parametrize(
    "path", sorted(str(file.relative_to(TEMPLATES)) for file in TEMPLATES.rglob("*.html"))
)
def test_every_template_compiles(path: str) -> None:
    get_template(path)


@pytest.mark.parametrize("name", ADDRESSES)
def test_pages_keep_to_the_content_security_policy(
    name: str, deployment: Deployment, browser: Client
) -> None:
    answer = browser.get(address_of(name))
    page = answer.content.decode()
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not BLOCKED.search(page), BLOCKED.search(page)


@pytest.mark.parametrize("name", ADDRESSES)
def test_ids_are_unique_and_labels_lead_somewhere(name: str, deployment: Deployment, browser: Client) -> None:
    page = browser.get(address_of(name)).content.decode()
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids))
    assert set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_icon_is_in_the_sprite(name: str, deployment: Deployment, browser: Client) -> None:
    sprite = (Path(settings.BASE_DIR) / "static" / "icons.svg").read_text()
    used = set(re.findall(r"icons\.svg#([a-z0-9-]+)", browser.get(address_of(name)).content.decode()))
    assert used
    assert {icon for icon in used if f'id="{icon}"' not in sprite} == set()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"bad", "eu", "fine"}),
        ({"q": "FIN"}, {"fine"}),
        ({"q": "local/house"}, {"bad", "eu", "fine"}),
        ({"state": "failed"}, {"bad"}),
        ({"state": "deploying"}, {"eu"}),
        ({"model": "house", "team": "pricing"}, {"bad", "eu", "fine"}),
        ({"model": "iris"}, set()),
        ({"state": "nonsense", "sort": "nonsense", "page": "nonsense"}, {"bad", "eu", "fine"}),
    ],
)
def test_filters_are_in_the_address(
    query: dict[str, str], found: set[str], make: Callable[..., Deployment], browser: Client
) -> None:
    make("fine")
    make("bad", state=State.FAILED)
    make("eu", state=State.DEPLOYING)
    answer = browser.get(reverse("deployments"), query)
    assert {one.name for one in answer.context["shown"]} == found


@pytest.mark.parametrize("sort", ["name", "-name", "state", "model", "ready", "-created", "team"])
def test_rows_can_be_sorted(sort: str, make: Callable[..., Deployment], browser: Client) -> None:
    for name, state in (("a", State.RUNNING), ("b", State.FAILED), ("c", State.DEPLOYING)):
        make(name, state=state)
    names = [one.name for one in browser.get(reverse("deployments"), {"sort": sort}).context["shown"]]
    expected = {"name": ["a", "b", "c"], "-name": ["c", "b", "a"], "state": ["b", "c", "a"]}
    assert names == expected.get(sort, names)
    assert len(names) == 3


def test_a_silent_cluster_makes_its_deployments_unknown_and_says_since_when(
    deployment: Deployment, browser: Client
) -> None:
    minutes_ago = timezone.now() - timedelta(minutes=7)
    Cluster.objects.update(state=ClusterState.UNREACHABLE, seen_at=minutes_ago, unreachable_since=minutes_ago)
    for address in (reverse("overview"), address_of("deployment"), reverse("deployments")):
        assert "unknown" in browser.get(address).content.decode()
    assert "last seen" in browser.get(reverse("overview")).content.decode()
    assert "last seen" in browser.get(address_of("deployment")).content.decode()


def test_pages_say_what_to_do_when_there_is_nothing(team: object, browser: Client) -> None:
    assert "Deploy your first model" in browser.get(reverse("overview")).content.decode()
    assert "No deployments yet" in browser.get(reverse("deployments")).content.decode()
    assert "The catalogue is empty" in browser.get(reverse("models")).content.decode()


def test_colours_are_remembered_and_no_other_site_is_gone_to(browser: Client) -> None:
    answer = browser.post(reverse("theme"), {"theme": "dark", "next": "/models/"})
    assert answer["Location"] == "/models/"
    assert 'data-bs-theme="dark"' in browser.get("/models/").content.decode()
    assert browser.post(reverse("theme"), {"theme": "x", "next": "https://evil.example"})["Location"] == "/"


def test_signing_in_and_out(deployer: object) -> None:
    client = Client()
    page = client.get(reverse("deployments"))
    assert page["Location"] == "/sign-in/?next=/deployments/"
    wrong = client.post(
        reverse("sign-in"), {"username": "deployer", "password": "no", "next": "/deployments/"}
    )
    assert 'value="deployer"' in wrong.content.decode()
    assert 'role="alert"' in wrong.content.decode()
    right = client.post(
        reverse("sign-in"), {"username": "deployer", "password": "deployer", "next": "/deployments/"}
    )
    assert right["Location"] == "/deployments/"
    assert client.post(reverse("sign-out"))["Location"] == "/sign-in/"
    assert client.get(reverse("deployments")).status_code == 302


def test_an_unknown_address_is_a_friendly_page(browser: Client) -> None:
    answer = browser.get("/nowhere/")
    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()


def test_a_form_from_before_the_last_sign_in_says_so_and_changes_nothing(deployer: object) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(deployer)  # type: ignore[arg-type]
    answer = client.post(reverse("theme"), {"theme": "dark"})
    assert answer.status_code == 403
    assert "This page was out of date" in answer.content.decode()


@pytest.mark.parametrize(("role", "offered"), [("viewer", False), ("deployer", True), ("admin", True)])
def test_new_is_offered_to_whoever_may_deploy_somewhere(
    role: str,
    offered: bool,
    team: object,
    browser_of: Callable[[User], Client],
    request: pytest.FixtureRequest,
) -> None:
    browser = browser_of(request.getfixturevalue(role))
    for name in ("overview", "deployments", "models"):
        assert (reverse("deployments-new") in browser.get(reverse(name)).content.decode()) is offered


def test_every_tab_of_a_deployment_has_a_title_of_its_own(deployment: Deployment, browser: Client) -> None:
    tabs = [name for name in ADDRESSES if name.startswith("deployment") and "s-new" not in name]
    titles = {
        re.search("<title>(.*)</title>", browser.get(address_of(name)).content.decode())[1]  # type: ignore[index]
        for name in tabs
    }
    assert len(titles) == len(tabs)


def test_a_log_page_waits_for_no_worker_unless_there_is_no_script(
    deployment: Deployment, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def read_logs(*_: object, patience_seconds: float, **__: object) -> str:
        asked.append(patience_seconds)
        raise TooSlow("No worker answered within 5 seconds.")

    monkeypatch.setattr(ask, "read_logs", read_logs)
    page = browser.get(address_of("deployment-logs")).content.decode()
    assert not asked
    assert 'content="0; url=/deployments/pricing/house-prices/logs/?plain=1"' in page
    plain = browser.get(address_of("deployment-logs"), {"plain": "1"}).content.decode()
    assert asked == [5]
    assert "No worker answered" in plain
    assert "http-equiv" not in plain


def test_our_own_mistakes_have_a_page_that_needs_nothing(client: Client) -> None:
    assert "Something broke" in get_template("broken.html").render()


def test_probes(db: None, client: Client) -> None:
    assert client.get("/healthz").json() == {"alive": True}
    assert client.get("/readyz").json()["database"] is True
