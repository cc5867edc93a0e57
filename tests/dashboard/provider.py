"""A real OpenID Connect provider on a port of this machine, and what a person's browser does with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import oidc_provider_mock
from django.test import Client
from werkzeug.serving import make_server

from dashboard.settings.oidc import Oidc


@dataclass
class Provider:
    issuer: str

    def settings(self, **more: Any) -> Oidc:
        return Oidc(issuer=self.issuer, client_id="timoneiro", client_secret="hush", name="Harbour", **more)

    def person(self, subject: str, **claims: Any) -> None:
        """Somebody the provider knows, and what it says of them."""
        answer = httpx.put(f"{self.issuer}/users/{subject}", json=claims, trust_env=False)
        answer.raise_for_status()

    def agree(self, address: str, subject: str) -> str:
        """`subject` signs in at the provider, which leads back to this address."""
        answer = httpx.post(address, data={"sub": subject}, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def sign_in(self, browser: Client, subject: str, **form: str) -> Any:
        """The whole way: what the last answer was."""
        return browser.get(path_of(self.agree(leading_to(browser.post("/sign-in/provider", form)), subject)))


def leading_to(answer: Any) -> str:
    """Where a page that leads elsewhere leads to."""
    assert answer.status_code == 200, answer.content.decode()
    return str(answer.context["address"])


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


@contextmanager
def running() -> Iterator[Provider]:
    server = make_server("127.0.0.1", 0, oidc_provider_mock.app(require_nonce=True), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Provider(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
