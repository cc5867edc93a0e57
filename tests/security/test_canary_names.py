"""Another team's names are nowhere, and what exists cannot be told from what does not."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from teams.roles import Scope
from teams.tokens import create_token
from tests.dashboard.test_permissions import POST_RULES
from tests.deployments.api.test_permissions import RULES
from tests.security.addresses import STREAMS, address_of, api_routes, page_routes
from tests.security.canary import CANARY, HOUSE, NODE_PORT, World, make_world, twin_of

# New in each answer, and of nothing that is there: tokens of forms, ids of what was just made, moments.
_PASSING = re.compile(
    r"\b[A-Za-z0-9]{64}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    # Ids of requests and of forms, both new each time.
    r"|\b[0-9a-f]{32}\b"
    r"|\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|\+00:00)?|\d\d:\d\d(?::\d\d)?|\d+ s\b"
)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@dataclass(frozen=True)
class Asked:
    """One request, and the address of the same about something that there is not."""

    method: str
    address: str
    twin: str
    body: Mapping[str, Any] | None = None

    @property
    def guesses(self) -> bool:
        return CANARY in json.dumps(self.body) or self.address != self.twin


class Asker:
    """Somebody outside of the canary's team, with a browser for pages and a program for the API."""

    def __init__(self, user: User, scope: Scope) -> None:
        text, _ = create_token(user, "test", [scope])
        self.program = Client(headers={"Authorization": f"Bearer {text}"})
        self.browser = Client()
        self.browser.force_login(user)
        self.signed_in = self.browser.cookies.output(header="", sep=";")

    def ask(self, asked: Asked) -> str:
        """Asks for both, and says what was told: the canary, or anything that is not the same for both."""
        nowhere, costs = self._send(asked.method, asked.twin, twin_of(json.dumps(asked.body)))
        if CANARY in nowhere.lower():
            lines = [line.strip()[:300] for line in nowhere.splitlines() if CANARY in line.lower()]
            return f"{asked} told of it: {lines[:3]}"
        if not asked.guesses:
            return ""
        there, cost = self._send(asked.method, asked.address, json.dumps(asked.body))
        # The address itself may be said back.
        there, nowhere = plain(there).replace(twin_of(asked.address), asked.twin), plain(nowhere)
        if asked.method != "GET" and nowhere.startswith("2"):
            # Something new of one's own by either name, and hashes of it: as long as the other.
            there, nowhere = f"{len(there)} characters", f"{len(nowhere)} characters"
        if there != nowhere:
            pairs = zip(there.splitlines(), nowhere.splitlines(), strict=False)
            differ = next(((one[:400], two[:400]) for one, two in pairs if one != two), "in length")
            return f"{asked} differs: {differ}"
        return "" if cost == costs else f"{asked}: {cost} queries, and {costs} for what is not there"

    def _send(self, method: str, address: str, body: str) -> tuple[str, int]:
        data = json.loads(body)
        # What the last answer left, such as a message for the next page, is not of this one.
        self.browser.cookies = SimpleCookie(self.signed_in)
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            if address.startswith("/api/"):
                sent = "" if data is None else body
                answer: Any = self.program.generic(method, address, sent, "application/json")
            elif method == "POST":
                answer = self.browser.post(address, data or {})
            else:
                answer = self.browser.get(address)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
        # No worker is there to be asked.
        assert answer.status_code < 500 or answer.status_code in (501, 503), (method, address)
        head = [answer.get(name, "") for name in ("Location", "Content-Disposition", "ETag", "Retry-After")]
        return f"{answer.status_code} {head}\n{content.decode()}", len(queries)


def plain(answer: str) -> str:
    """Without what passes, and with what was asked for by one name: it may be said back."""
    return _PASSING.sub("", twin_of(answer))


def of_pages(world: World) -> Iterator[Asked]:
    """Every page, and every form with what it is sent."""
    for name, parameters in page_routes():
        if name in STREAMS or name in _OF_ONESELF:
            continue
        values = _with_schedule(name, world.values)
        twins = _with_schedule(name, world.twins)
        there, nowhere = (address_of(name, parameters, found) for found in (values, twins))
        yield Asked("GET", there, nowhere)
        if name in POST_RULES and (parameters or name not in _CHANGING):
            yield Asked("POST", there, nowhere, POST_RULES[name][1])


# They answer by who asks alone.
_OF_ONESELF = {"sign-out", "metrics", "mfa_remove_webauthn"}
# They succeed, for oneself: what they answer is new each time.
_CHANGING = {"account-token-make", "account-sessions-end", "notifications-seen", "account-time-zone"}


def of_the_api(world: World) -> Iterator[Asked]:
    for name, method, parameters in api_routes():
        if name in STREAMS or (name == "my-tokens" and method == "POST"):
            continue
        values, twins = (_with_schedule(name, found) for found in (world.values, world.twins))
        there, nowhere = (address_of(f"api:{name}", parameters, found) for found in (values, twins))
        yield Asked(method, there, nowhere, RULES[name, method][2] if (name, method) in RULES else None)


def _with_schedule(name: str, values: Mapping[str, object]) -> Mapping[str, object]:
    return {**values, "number": values["schedule"]} if "schedule" in name else values


def of_searches(_: World) -> Iterator[Asked]:
    """What is looked for, filtered by, sorted by, or come back to."""
    found = {
        reverse("deployments"): ("q", "model", "team", "cluster", "image", "state", "sort", "deleted"),
        reverse("models"): ("q", "team", "task"),
        reverse("usage"): ("cluster", "team", "node", "model", "chart"),
        reverse("usage-savings"): ("team", "cluster", "q"),
        reverse("usage-export"): ("cluster", "team"),
        reverse("overview"): ("team", "q"),
        reverse("notifications"): ("team", "before", "kind"),
        reverse("deployments-new"): ("team", "version", "clone", "model", "image", "cluster"),
        reverse("api:all-deployments"): ("search", "team", "cluster", "model", "status", "ordering"),
        reverse("api:operations"): ("search", "team", "deployment", "state"),
        reverse("api:usage"): ("cluster", "team", "window"),
        reverse("api:savings"): ("team", "cluster"),
        reverse("api:clusters"): ("search", "name"),
    }
    texts = {"team": f"{CANARY}-team", "cluster": f"{CANARY}-cluster", "node": f"{CANARY}-node"}
    for address, names in found.items():
        for name in names:
            there = f"{address}?{name}={texts.get(name, HOUSE)}"
            yield Asked("GET", there, twin_of(there))


def of_wishes(world: World) -> Iterator[Asked]:
    """Writes to one's own that name what others have."""
    own = "/api/v1/teams/fraud/"
    base = {"name": "new", "model": "cards", "version": "1.0-words"}
    named = (
        {"model": HOUSE},
        {"version": f"1.0-{CANARY}"},
        {"cluster": f"{CANARY}-cluster"},
        {"team": f"{CANARY}-team"},
        {"registry": f"{CANARY}.example"},
        {"node_preset": f"{CANARY}-preset"},
        {"namespace": f"{CANARY}-space"},
        {"name": HOUSE},
        {"image": f"{CANARY}.example/{CANARY}-image:1.0", "model": None, "version": None},
    )
    for change in named:
        for address in ("deployments/", "deployments/?dry_run=true"):
            yield Asked("POST", own + address, own + address, {**base, **change})
        yield Asked("PATCH", f"{own}deployments/card-check/", f"{own}deployments/card-check/", change)
    port = {"service": {"type": "NodePort", "node_port": NODE_PORT}}
    yield Asked("POST", f"{own}deployments/", f"{own}deployments/", {**base, **port})
    many = {"action": "pause", "deployments": [f"{CANARY}-team/{HOUSE}", "fraud/nothing"]}
    yield Asked("POST", reverse("api:bulk"), reverse("api:bulk"), many)
    for body, address in (
        ({"username": f"{CANARY}-boss", "role": "viewer"}, "members/"),
        ({"service_account": f"{CANARY}-ci", "name": "new", "scopes": ["read"]}, "tokens/"),
        ({"name": f"{CANARY}-ci"}, "service-accounts/"),
    ):
        yield Asked("POST", own + address, own + address, body)
    mine = reverse("api:my-tokens")
    yield Asked("POST", mine, mine, {"name": "new", "scopes": ["read"], "team": f"{CANARY}-team"})


def of_typed(_: World) -> Iterator[Asked]:
    """The same from the forms of pages."""
    deploy = {"source": "version", "name": "new", "team": "fraud", "version": "cards@1.0-words"}
    for name, typed in (
        ("deployments-new", {**deploy, "version": f"{HOUSE}@1.0-{CANARY}"}),
        ("deployments-new", {**deploy, "team": f"{CANARY}-team"}),
        ("deployments-new", {**deploy, "cluster": f"{CANARY}-cluster"}),
        ("deployments-new-preview", {**deploy, "team": f"{CANARY}-team"}),
        ("deployments-new-preflight", {**deploy, "cluster": f"{CANARY}-cluster"}),
        ("models-new", {"name": "new", "team": f"{CANARY}-team"}),
        ("deployments-bulk", {"action": "pause", "chosen": f"{CANARY}-team/{HOUSE}"}),
        ("account-token-make", {"name": "new", "scopes": "read", "team": f"{CANARY}-team"}),
    ):
        yield Asked("POST", reverse(name), reverse(name), typed)


Walk = Callable[[World], Iterator[Asked]]
WALKS: tuple[Walk, ...] = (of_pages, of_the_api, of_searches, of_wishes, of_typed)


@pytest.mark.parametrize("walk", WALKS)
def test_whoever_leads_another_team_learns_nothing(walk: Walk, world: World) -> None:
    leaks = told(Asker(world.neighbour, Scope.ADMIN), walk(world))
    assert not leaks, leaks


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_whoever_only_looks_learns_nothing(who: str, world: World, stranger: User) -> None:
    asker = Asker(world.viewer if who == "viewer" else stranger, Scope.READ)
    reading = (asked for walk in (of_pages, of_the_api) for asked in walk(world) if asked.method == "GET")
    leaks = told(asker, reading)
    assert not leaks, leaks


def told(asker: Asker, walk: Iterable[Asked]) -> str:
    """All that somebody was told and should not have been."""
    return "\n\n".join(filter(None, map(asker.ask, walk)))
