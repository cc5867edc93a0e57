"""From click to PATCH: one id joins the lines of web process, worker and gateway; one trace their spans."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.contrib.auth.models import User
from django.test import Client

from dashboard.celery import app
from dashboard.logs import JsonLines
from dashboard.telemetry import traces
from deployments import intent, tracing
from deployments.models import Operation
from teams.models import Team
from tests.collector import Collector, collecting, said

pytestmark = pytest.mark.django_db(transaction=True)
EARLIER, CLICK = "0123456789abcdef-earlier", "0123456789abcdef-click"
Line = dict[str, Any]


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Every line of the log, as JSON, as they are written."""

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # In the thread that writes, as every handler does it: the ids are that thread's.
            kept.append(json.loads(form.format(record)))

    kept: list[Line] = []
    form, handler, root = JsonLines(), Kept(), logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.INFO)
    yield kept
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def worker(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker on the same queue, in a thread."""
    monkeypatch.setattr(app.conf, "broker_url", redis_url)
    with start_worker(app, perform_ping_check=False, pool="solo", queues=["reconcile"], loglevel="WARNING"):
        yield


def task_line(lines: list[Line], request_id: str) -> Line:
    """What the worker says at the end of the task that was sent for a request."""
    deadline = time.monotonic() + 30
    while True:
        for line in list(lines):
            if (line["logger"], line.get("request_id")) == ("deployments.tasks", request_id):
                return line
        assert time.monotonic() < deadline, lines
        threading.Event().wait(0.02)


def click(team: Team, lines: list[Line]) -> Operation:
    """Somebody changes how many there are of a deployment; done when a worker has carried it out."""
    person = User.objects.get(username="deployer")
    wish = {"name": "house", "model": "house", "version": "1.0"}
    with tracing.working_for(request_id=EARLIER):
        row = intent.create_deployment(team, wish, by=person).deployment
    # A worker that is still at it would take the click's wish along.
    task_line(lines, EARLIER)
    browser = Client()
    browser.force_login(person)
    answer = browser.post(
        f"/deployments/{team.name}/{row.name}/scale", {"replicas": 2}, headers={"X-Request-ID": CLICK}
    )
    assert answer.status_code == 302, answer.content
    task_line(lines, CLICK)
    return Operation.objects.get(deployment=row, action="scale")


def test_one_click_is_found_in_the_lines_of_web_worker_and_gateway(
    installed: Team, worker: None, lines: list[Line]
) -> None:
    operation = click(installed, lines)
    done = task_line(lines, CLICK)
    of_click = [line for line in lines if line.get("request_id") == CLICK]
    by_logger: dict[str, list[Line]] = {}
    for line in of_click:
        by_logger.setdefault(line["logger"], []).append(line)
    (asked,) = by_logger["dashboard.requests"]
    (wished,) = by_logger["deployments.operations"]
    (queued,) = by_logger["deployments.queue"]
    patches = [line for line in by_logger["k8s.requests"] if line["method"] == "PATCH"]
    assert (asked["method"], asked["status"]) == ("POST", 302)
    assert wished["operation_id"] == str(operation.pk)
    assert queued["task_id"] == done["task_id"]
    assert patches
    for patch in patches:
        assert patch["operation_id"] == str(operation.pk)
        assert patch["task_id"] == queued["task_id"]
        assert patch["status"] in (200, 201)


def test_one_click_is_one_trace(installed: Team, worker: None, lines: list[Line], settings: Any) -> None:
    settings.MIDDLEWARE = ["dashboard.telemetry.traced", *settings.MIDDLEWARE]
    with collecting() as collector:
        traces.begin(collector.endpoint, service="timoneiro")
        try:
            operation = click(installed, lines)
            until_told_of(collector, "deployments.tasks.reconcile", 2)
        finally:
            traces.end()
    (asked,) = collector.named("POST deployment-scale")
    of_click = [span for span in collector.spans if span.trace_id == asked.trace_id]
    (task,) = [span for span in of_click if span.name == "deployments.tasks.reconcile"]
    patches = [span for span in of_click if span.name == "PATCH cluster"]
    assert task.parent_span_id == asked.span_id
    assert said(asked)["timoneiro.request_id"] == said(task)["timoneiro.request_id"] == CLICK
    assert {patch.parent_span_id for patch in patches} == {task.span_id}
    assert {said(patch)["timoneiro.operation_id"] for patch in patches} == {str(operation.pk)}
    assert any(str(said(patch)["url.path"]).endswith("/deployments/house") for patch in patches)
    assert {said(patch)["http.response.status_code"] for patch in patches} <= {200, 201}


def until_told_of(collector: Collector, name: str, count: int) -> None:
    """Spans end a moment after the lines of the log."""
    deadline = time.monotonic() + 30
    while len(collector.named(name)) < count:
        assert time.monotonic() < deadline, collector.spans
        threading.Event().wait(0.02)
        traces.flush()
