"""Behind a proxy under WSGI: who asks, and how large a body may be."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client

from dashboard.fronting import Fronted
from dashboard.gatekeeping import MOST_BODY_BYTES

PROXY = "172.28.93.2"


def asked_by(peer: str, forwarded_for: str, *trusted: str) -> str:
    """The address that the application behind is told."""
    told: list[str] = []

    def application(environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        told.append(environ["REMOTE_ADDR"])
        return [b""]

    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for}
    list(Fronted(application, trusted=trusted)(environ, lambda *_: None))
    return told[0]


def test_the_proxy_is_believed() -> None:
    assert asked_by(PROXY, "198.51.100.7", PROXY) == "198.51.100.7"


def test_a_neighbour_of_the_proxy_is_not() -> None:
    assert asked_by("172.28.93.3", "198.51.100.7", PROXY) == "172.28.93.3"


def test_what_the_caller_wrote_before_the_proxy_is_not() -> None:
    assert asked_by(PROXY, "203.0.113.1, 198.51.100.7", PROXY) == "198.51.100.7"


def test_proxies_in_a_row_are_passed_over() -> None:
    assert asked_by("10.1.2.3", "198.51.100.7, 10.1.9.9", "10.1.0.0/16") == "198.51.100.7"


@pytest.mark.parametrize("nonsense", ["", "unknown", "198.51.100.7, _hidden", "198.51.100.7,"])
def test_nonsense_leaves_the_proxys_own_address(nonsense: str) -> None:
    assert asked_by(PROXY, nonsense, PROXY) == PROXY


def test_a_trusted_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="the-proxy"):
        Fronted(lambda *_: [], trusted=["the-proxy"])


@pytest.mark.parametrize(
    ("path", "media"), [("/sign-in/", "text/plain"), ("/api/v1/deployments/", "application/problem+json")]
)
def test_a_body_without_measure_is_not_taken_in(path: str, media: str) -> None:
    answered: list[Any] = []

    def application(_environ: Any, _start: Any) -> Iterable[bytes]:
        raise AssertionError("it was asked")

    environ = {"PATH_INFO": path, "CONTENT_LENGTH": str(MOST_BODY_BYTES + 1), "REMOTE_ADDR": PROXY}
    body = Fronted(application, trusted=[])(environ, lambda *told: answered.append(told))
    status, headers = answered[0]
    assert status.startswith("413") and dict(headers)["Content-Type"] == media
    assert b"too large" in b"".join(body).lower()


@pytest.mark.django_db
@pytest.mark.parametrize("allowed", ["deploy.example.com", ".example.com"])
def test_machines_ask_by_address_and_people_by_name(client: Client, settings: Any, allowed: str) -> None:
    settings.ALLOWED_HOSTS = [allowed]
    assert client.get("/readyz", headers={"host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/sign-in/", headers={"host": "10.1.2.3:8000"}).status_code == 400
    assert client.get("/sign-in/", headers={"host": "deploy.example.com"}).status_code == 200
