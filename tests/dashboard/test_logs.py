"""The page of logs: its choices, what was kept of crashes, and hostile lines without a script."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.views.log_text import inert
from deployments import ask
from deployments.models import CapturedLog, Deployment, Pod, State
from tests.dashboard.conftest import Make

HOSTILE = "a</pre></script><img src=x onerror=alert(1)>\r\n\x1b[31mred\x1b[0m\nx\r2026 forged\u202eback\n"


def address(name: str = "deployment-logs") -> str:
    return reverse(name, args=["pricing", "house-prices"])


@pytest.fixture
def captured(deployment: Deployment) -> CapturedLog:
    return CapturedLog.objects.create(
        deployment=deployment,
        pod="house-prices-gone",
        pod_uid="0",
        container="server",
        run=2,
        exit_code=137,
        reason="OOMKilled",
        text=HOSTILE,
        ended_at=timezone.now(),
    )


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("a\r\nb\n", "a\nb\n"),
        ("a\rb", "a\u240db"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;title without end", ""),
        ("\x1b(B\x1b=up", "up"),
        ("\x07\x7f\x9b", "\u2407\u2421[U+009B]"),
        ("\u202eevil\u2066\ufeff\u2028", "[U+202E]evil[U+2066][U+FEFF][U+2028]"),
        ("olá שלום 🙂", "olá שלום 🙂"),
    ],
)
def test_what_acts_on_its_reader_is_stripped_or_named(raw: str, shown: str) -> None:
    assert inert(raw) == shown


def test_a_captured_log_is_listed_and_read_where_its_pod_is_gone(
    browser: Client, captured: CapturedLog
) -> None:
    page = browser.get(address()).content.decode()
    assert f"?captured={captured.pk}" in page
    assert "OOMKilled, exit code 137" in page
    read = browser.get(address(), {"captured": captured.pk}).content.decode()
    lines = re.search(r"<pre[^>]*>\n(.*?)</pre>", read, re.DOTALL)
    assert lines is not None
    assert lines[1].splitlines() == [
        "a&lt;/pre&gt;&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;",
        "red",
        "x\u240d2026 forged[U+202E]back",
    ]
    assert "data-follow" not in read


def test_a_captured_log_is_downloaded_as_harmless_text(browser: Client, captured: CapturedLog) -> None:
    file = browser.get(address("deployment-logs-download"), {"captured": captured.pk})
    assert file.content.decode() == inert(HOSTILE)
    assert file.headers["Content-Disposition"] == (
        'attachment; filename="house-prices-gone-server-run-2.log"'
    )
    assert file.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert file.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("asked", ["0", "999999", "-1", "x", "9" * 40, "٣"])
def test_a_captured_log_that_is_not_there(browser: Client, captured: CapturedLog, asked: str) -> None:
    assert browser.get(address(), {"captured": asked}).status_code == 404


def test_a_captured_log_is_that_of_its_own_deployment(
    browser: Client, captured: CapturedLog, make: Make
) -> None:
    make("other")
    other = reverse("deployment-logs", args=["pricing", "other"])
    assert browser.get(other, {"captured": captured.pk}).status_code == 404
    assert b"Kept from containers" not in browser.get(other).content


def test_a_deleted_deployment_shows_what_was_kept(browser: Client, captured: CapturedLog) -> None:
    row = captured.deployment
    Deployment.objects.filter(pk=row.pk).update(
        deleted_at=timezone.now(), state=State.DELETED, delete_requested_at=timezone.now()
    )
    page = browser.get(address()).content.decode()
    assert "has been deleted" in page
    assert f"?deleted={row.pk}&amp;captured={captured.pk}" in page
    read = browser.get(address(), {"deleted": row.pk, "captured": captured.pk}).content.decode()
    assert "forged" in read


def test_choices_reach_the_worker_as_they_were_made(
    browser: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def read_logs(_: Deployment, **options: object) -> str:
        asked.append(options)
        return "[house-1] one\n"

    monkeypatch.setattr(ask, "read_logs", read_logs)
    query = {"pod": "house-1", "container": "server", "previous": "1", "tail": "5000", "since": "15m"}
    page = browser.get(address(), query).content.decode()
    assert "[house-1] one" in page
    browser.get(address("deployment-logs-download"), {**query, "tail": "7", "since": "soon"})
    shared = {"pod": "house-1", "container": "server", "previous": True}
    assert asked == [
        {**shared, "tail": 5000, "since_seconds": 900, "patience_seconds": 5},
        {**shared, "tail": 10_000, "since_seconds": None, "patience_seconds": 20},
    ]


def test_an_empty_page_says_why(browser: Client, deployment: Deployment, viewer: User) -> None:
    def page() -> str:
        return str(browser.get(address()).content.decode())

    assert "There is no pod yet" in page()
    Pod.objects.create(
        cluster=deployment.cluster,
        deployment=deployment,
        namespace="pricing",
        name="p",
        uid="u",
        phase="Pending",
        reason="ImagePullBackOff",
        facts={},
    )
    assert "No container has started yet (ImagePullBackOff)" in page()
    Deployment.objects.filter(pk=deployment.pk).update(state=State.PAUSED)
    assert "is paused" in page()
