"""What no page gets to see: addresses with a NUL, bodies without end."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import AsyncClient, Client

from dashboard.gatekeeping import BodyLimit
from deployments.models import Deployment

MOST = 1000


@pytest.mark.parametrize(
    "address",
    [
        "/deployments/?q=%00",
        "/deployments/?model=a%00b",
        "/deployments/pricing/house-prices/logs/?pod=%00",
        "/deployments/pricing/house-prices/logs/follow?pod=%00",
        "/models/pricing/a%00b/",
    ],
)
async def test_an_address_with_a_nul_is_refused(address: str) -> None:
    answer = await AsyncClient().get(address)
    assert answer.status_code == 400


def test_a_nul_in_the_path_of_a_button_is_refused(browser: Client, deployment: Deployment) -> None:
    assert browser.post("/deployments/pricing/house-prices/pods/a%00b/delete").status_code == 400


def test_a_nul_in_a_form_is_refused(browser: Client, deployment: Deployment) -> None:
    for address, field in (("/deployments/bulk", "chosen"), ("/teams/pricing/registries/remove", "registry")):
        assert browser.post(address, {"action": "pause", field: "a\0/b"}).status_code == 400


class Exchange:
    """One request to an application behind the limit; `taken` is what the application saw of its body."""

    def __init__(self, *pieces: int, declared: int | None = None) -> None:
        self.pieces = list(pieces)
        self.headers = [] if declared is None else [(b"content-length", str(declared).encode())]
        self.taken = 0
        self.sent: list[Mapping[str, Any]] = []

    async def application(self, _scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.taken += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive(self) -> dict[str, Any]:
        size = self.pieces.pop(0)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(self.pieces)}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)

    async def status(self) -> int:
        scope = {"type": "http", "headers": self.headers}
        await BodyLimit(self.application, most_bytes=MOST)(scope, self.receive, self.send)
        return int(self.sent[0]["status"])


async def test_a_body_of_the_greatest_size_is_taken() -> None:
    exchange = Exchange(600, 400, declared=1000)
    assert await exchange.status() == 200
    assert exchange.taken == MOST


async def test_a_body_that_says_it_is_larger_is_not_read() -> None:
    exchange = Exchange(1001, declared=1001)
    assert await exchange.status() == 413
    assert exchange.pieces == [1001]


async def test_a_body_that_becomes_larger_is_not_read_to_its_end() -> None:
    exchange = Exchange(600, 600, 600)
    assert await exchange.status() == 413
    assert exchange.taken == 600
    assert exchange.pieces == [600]


async def test_a_program_is_told_of_a_body_too_large_in_a_problem() -> None:
    exchange = Exchange(declared=MOST + 1)
    scope = {"type": "http", "path": "/api/v1/me/", "headers": exchange.headers}
    await BodyLimit(exchange.application, most_bytes=MOST)(scope, exchange.receive, exchange.send)
    start, body = exchange.sent
    assert (start["status"], dict(start["headers"])[b"content-type"]) == (413, b"application/problem+json")
    assert b'"code":"too_large"' in body["body"]
