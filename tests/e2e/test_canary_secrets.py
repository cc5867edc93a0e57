"""Secrets that were put in are nowhere to be read: one product, everything that it keeps, says and sends."""

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml
from django.conf import settings

from tests.e2e.stack import Stack, deployment_of, until
from tests.security.addresses import STREAMS, address_of, api_routes, page_routes

TYPED = {
    "variable": "kanarie-of-a-variable",
    "registry": "kanarie-of-a-registry",
    "password": "kanarie-of-a-wrong-password",
    "refused": "kanarie-of-a-refused-form",
}
ONE = "/teams/pricing/deployments/canary/"


class Overheard:
    """Every command that any process sends to the product's Valkey: also messages that are gone at once."""

    def __init__(self, data_dir: Path) -> None:
        (config,) = data_dir.rglob("valkey.conf")
        told = dict(line.split(" ", 1) for line in config.read_text().splitlines() if " " in line)
        self.client = redis.Redis(port=int(told["port"]), password=told["requirepass"])
        self.commands: list[str] = []
        self.listening = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.listening.wait(10)

    def _listen(self) -> None:
        # The product ends before we do.
        watched: Any = self.client
        with contextlib.suppress(redis.ConnectionError), watched.monitor() as monitor:
            self.listening.set()
            for command in monitor.listen():
                self.commands.append(str(command["command"]))


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, which logs all that it can."""
    running = Stack(tmp_path_factory.mktemp("canary") / "data", environment={"LOG_LEVEL": "DEBUG"}).start()
    yield running
    assert running.stop() == 0, "\n".join(running.output[-40:])


def signed_in(stack: Stack, user: str) -> httpx.Client:
    """A browser, after somebody typed their password as their name."""
    browser = httpx.Client(base_url=stack.url, follow_redirects=True, timeout=60, trust_env=False)
    for name, password in ((TYPED["password"], TYPED["password"]), (user, stack.passwords[user])):
        browser.get("/sign-in/")
        typed = {
            "username": name,
            "password": password,
            "csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME],
        }
        answer = browser.post("/sign-in/", data=typed)
    assert answer.url.path == "/"
    return browser


def put_in(stack: Stack, api: httpx.Client, browser: httpx.Client) -> dict[str, str]:
    """All kinds of secrets, by the ways that people use; what to look for, by kind."""
    registry = {"registry": "ghcr.io", "username": "bot", "password": TYPED["registry"]}
    assert api.post("/teams/pricing/registries/", json=registry).status_code == 201
    hook = api.post("/teams/pricing/webhooks/", json={"url": "https://hooks.invalid/"}).json()["secret"]
    token = api.post("/me/tokens/", json={"name": "canary", "scopes": ["read"]}).json()["token"]
    text = stack.kubeconfig.read_text()
    given = {"name": "second", "kubeconfig": text}
    assert api.post("/clusters/", json=given).status_code == 201
    env = [{"name": "KEY", "secret": True, "value": TYPED["variable"]}]
    body = {"name": "canary", "model": "house", "version": "1.0", "registry": "ghcr.io", "env": env}
    made = api.post("/teams/pricing/deployments/?wait=60", json=body)
    assert made.json()["operation"]["state"] == "succeeded", made.text
    wrong = {**body, "name": "-", "env": [{**env[0], "value": TYPED["refused"]}]}
    refused = [api.post("/teams/pricing/deployments/", json=wrong).text]
    form = {
        "name": "-", "source": "version", "version": "house@1.0", "env.name": "KEY",
        "env.value": TYPED["refused"],
        "env.kind": "secret", "csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME],
    }  # fmt: skip
    refused += [
        browser.post(f"/deployments/new{end}", data=form).text for end in ("", "/preview", "/preflight")
    ]
    assert not [answer for answer in refused if TYPED["refused"] in answer]
    return {
        **TYPED,
        "webhook": hook,
        "token": token,
        "cluster": yaml.safe_load(text)["users"][0]["user"]["token"],
        "own password": stack.passwords["admin"],
        "session": browser.cookies[settings.SESSION_COOKIE_NAME],
    }


def answers(api: httpx.Client, browser: httpx.Client, stack: Stack) -> Iterator[tuple[str, str]]:
    """Every page and every route that can be read, about what was put in."""
    nothing = "00000000-0000-4000-8000-000000000000"
    values: dict[str, object] = {
        "team": "pricing", "name": "canary", "model": "house", "version": "1.0", "cluster": "second",
        "number": 1,
        "registry": "ghcr.io", "username": "admin", "captured": 1, "size": "small", "preset": "none",
        "account": "none", "pod": "none", "namespace": "pricing", "secret": "none", "pk": 1,
        **dict.fromkeys(("webhook", "token", "session", "operation", "invitation"), nothing),
    }  # fmt: skip
    for name, parameters in page_routes():
        if name not in STREAMS:
            model = {"name": "house"} if name.startswith("model") else {}
            address = address_of(name, parameters, {**values, **model})
            yield address, browser.get(address).text
    for name, method, parameters in api_routes():
        if method == "GET" and name not in STREAMS:
            address = address_of(f"api:{name}", parameters, values)
            yield address, api.get(f"{stack.url}{address}").text
    yield "an address that is none", browser.get("/nothing/").text


def database_files(folder: Path) -> list[Path]:
    return list(folder.glob("timoneiro.sqlite3*"))


def kept_in_the_database(folder: Path) -> Iterator[tuple[str, str]]:
    """All tables as text, and the bytes of the files: what was deleted may still stand there."""
    for file in database_files(folder):
        yield file.name, file.read_bytes().decode("latin-1")
    with sqlite3.connect(folder / "timoneiro.sqlite3") as database:
        for line in database.iterdump():
            yield re.sub(r"[^\w].*", "", line.removeprefix('INSERT INTO "'), flags=re.DOTALL), line


def test_secrets_are_nowhere_in_clear(talkative: Stack) -> None:
    overheard = Overheard(talkative.data_dir)
    browser = signed_in(talkative, "admin")
    with talkative.client("admin", "admin") as api:
        secrets = put_in(talkative, api, browser)
        until("it runs", lambda: deployment_of(api, "canary")["status"]["state"] == "running", seconds=60)
        second = "second cluster is seen"
        until(second, lambda: api.get("/clusters/second/").json()["state"] == "connected", seconds=60)
        told = list(answers(api, browser, talkative))
        assert api.delete(f"{ONE}?wait=60").json()["operation"]["state"] == "succeeded"
    assert any("reconcile" in command for command in overheard.commands)
    places = [
        *told,
        *kept_in_the_database(talkative.data_dir),
        *(("Redis", command) for command in overheard.commands),
        *(("a log", line) for line in talkative.output if not line.startswith("Ready: ")),
    ]
    found = {(kind, place) for place, text in places for kind, secret in secrets.items() if secret in text}
    assert found == set()
