"""Traces: of requests, without what is nobody else's business, and nothing at all where none are wanted."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from dashboard.settings.environment import ROOT, Environment
from dashboard.telemetry import traces
from tests.collector import Collector, collecting, said

pytestmark = pytest.mark.django_db
ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector(settings: Any) -> Iterator[Collector]:
    """Told what this process traces."""
    settings.MIDDLEWARE = ["dashboard.telemetry.traced", *settings.MIDDLEWARE]
    with collecting() as found:
        traces.begin(found.endpoint, service="timoneiro")
        yield found
        traces.end()


def test_a_request_is_a_span_by_its_route_and_says_nothing_of_its_address(collector: Collector) -> None:
    answer = Client().get("/invitations/some-secret-key/?code=some-code", headers={"traceparent": ABOVE})
    traces.flush()
    (span,) = collector.spans
    assert span.name == "GET invitation"
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == tuple(ABOVE.split("-")[1:3])
    told = said(span)
    assert told["http.response.status_code"] == answer.status_code
    assert told["timoneiro.request_id"] == answer.headers["X-Request-ID"]
    whole = span.SerializeToString().decode("latin-1")
    assert "some-secret-key" not in whole
    assert "some-code" not in whole


def test_of_an_error_a_trace_has_no_words(collector: Collector) -> None:
    with pytest.raises(LookupError), traces.span("PATCH cluster", None, SpanKind.CLIENT, {}):
        raise LookupError("http://10.0.0.1/predict?key=some-code")
    traces.flush()
    (span,) = collector.spans
    assert said(span) == {"error.type": "LookupError"}
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert "some-code" not in span.SerializeToString().decode("latin-1")


def test_what_is_served_by_asgi_is_traced_too(collector: Collector) -> None:
    async_to_sync(AsyncClient().get)("/api/v1/me")
    traces.flush()
    (span,) = collector.spans
    assert (span.name, span.kind) == ("GET api:me", span.SPAN_KIND_SERVER)


def test_probes_are_not_traced(collector: Collector) -> None:
    assert Client().get("/healthz").status_code == 200
    traces.flush()
    assert collector.spans == []


def test_a_page_is_served_while_the_collector_is_away(
    collector: Collector, admin_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.telemetry._EXPORT_SECONDS", 0.1)
    traces.end()
    traces.begin("http://127.0.0.1:9", service="timoneiro")
    client = Client()
    client.force_login(admin_user)
    assert client.get("/").status_code == 200


SAY = "{}; import sys, redis; print(*(name for name, one in sys.modules.items() if one), sep='\\n')"


@pytest.mark.parametrize(
    ("begin", "settings_of"),
    [
        ("import dashboard.wsgi", "production"),
        ("import dashboard.asgi", "local"),
        ("from dashboard.celery import app; app.loader.import_default_modules()", "local"),
    ],
)
def test_without_an_endpoint_nothing_of_opentelemetry_is_loaded(
    begin: str, settings_of: str, tmp_path: Path
) -> None:
    told = {
        "DJANGO_SETTINGS_MODULE": f"dashboard.settings.{settings_of}",
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "some-key",
        "ALLOWED_HOSTS": "localhost",
    }
    command = [sys.executable, "-c", SAY.format(begin)]
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "redis" in loaded
    assert not [name for name in loaded if name.startswith("opentelemetry")]


def test_with_an_endpoint_a_process_of_the_product_is_traced(tmp_path: Path) -> None:
    ask = (
        "from django.test import Client; print(Client(SERVER_NAME='localhost').get('/api/v1/me').status_code)"
    )
    with collecting() as collector:
        told = {
            "DJANGO_SETTINGS_MODULE": "dashboard.settings.local",
            "DATA_DIR": str(tmp_path),
            "SECRET_KEY": "some-key",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{collector.endpoint}/",
        }
        command = [sys.executable, "-c", f"import dashboard.wsgi; {ask}"]
        done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
        # What had not been sent yet was sent at its end.
        assert [span.name for span in collector.spans] == ["GET api:me"], done.stderr


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="http://collector:4318"):
        Environment(otel_exporter_otlp_endpoint="collector:4318")
