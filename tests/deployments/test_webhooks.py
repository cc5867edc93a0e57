"""A receiver is told of what happened: once per happening, signed, again after trouble, and never inside."""

import hashlib
import hmac
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import settling, webhooks
from deployments.errors import InvalidInput, NotFound, PermissionDenied
from deployments.intent.webhooks import change_webhook, create_webhook, delete_webhook, try_webhook
from deployments.models import Delivery, DeliveryState, Deployment, Happening, State, Webhook
from deployments.webhooks import delivering, sending
from deployments.webhooks.addresses import ForbiddenAddress, is_allowed, problem_of, resolve
from deployments.webhooks.delivering import WAITS_SECONDS
from deployments.webhooks.sending import send
from teams.models import AuditEntry, Team


@dataclass
class Receiver:
    """Notes what is posted to it, and answers with the next of `statuses`, 200 when none is left."""

    url: str
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            noted.got.append((dict(self.headers), body))
            status = noted.statuses.pop(0) if noted.statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", noted.url)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the base
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    noted = Receiver(f"http://127.0.0.1:{server.server_port}/hook?key=1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield noted
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED = ["127.0.0.0/8"]


@pytest.fixture
def hook(team: Team, lead: User, receiver: Receiver, allowed: None) -> tuple[Webhook, str]:
    return create_webhook(team, {"url": receiver.url}, by=lead)


def become(deployment: Deployment, state: State) -> None:
    """As observer and worker find it."""
    now = timezone.now()
    if state == State.DELETED:
        deployment.deleted_at = now
    else:
        deployment.refused_generation, deployment.apply_error = deployment.generation, "refused"
    deployment.save()
    settling.refresh(deployment, [], now=now)


def all_due() -> list[int]:
    """Every delivery that waits, as if its time had come."""
    Delivery.objects.filter(state=DeliveryState.WAITING).update(next_at=timezone.now() - timedelta(seconds=1))
    return webhooks.due_deliveries()


def test_a_failure_is_told_once_and_signed(
    hook: tuple[Webhook, str], receiver: Receiver, deployment: Deployment
) -> None:
    become(deployment, State.FAILED)
    (pk,) = webhooks.due_deliveries()
    for _ in range(3):
        webhooks.deliver(pk)
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["type"], told["team"]) == ("deployment.failed", "pricing")
    assert (told["deployment"]["name"], told["deployment"]["state"]) == ("house-prices", "failed")
    assert headers["Timoneiro-Event"] == told["type"]
    assert headers["Timoneiro-Delivery"] == told["id"] == str(Happening.objects.get().pk)
    at, digest = (part.partition("=")[2] for part in headers["Timoneiro-Signature"].split(","))
    expected = hmac.new(hook[1].encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, expected)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 1, 200)


def test_the_same_state_again_is_not_told_again(hook: tuple[Webhook, str], deployment: Deployment) -> None:
    become(deployment, State.FAILED)
    settling.refresh(deployment, [])
    assert Delivery.objects.count() == 1
    become(deployment, State.DELETED)
    assert list(Happening.objects.order_by("at").values_list("kind", flat=True)) == [
        "deployment.failed",
        "deployment.deleted",
    ]


def test_a_receiver_in_trouble_is_told_again_with_the_same_id(
    hook: tuple[Webhook, str], receiver: Receiver, deployment: Deployment
) -> None:
    receiver.statuses = [500, 302, 200]
    become(deployment, State.FAILED)
    for expected in ("waiting", "waiting", "delivered"):
        before = timezone.now()
        (pk,) = all_due()
        webhooks.deliver(pk)
        delivery = Delivery.objects.get()
        assert delivery.state == expected
        assert delivery.state == "delivered" or delivery.next_at > before
    assert len(receiver.got) == 3
    assert len({headers["Timoneiro-Delivery"] for headers, _ in receiver.got}) == 1
    assert all_due() == []


def test_a_receiver_that_never_takes_it_is_given_up(
    hook: tuple[Webhook, str], receiver: Receiver, deployment: Deployment
) -> None:
    receiver.statuses = [503] * 50
    become(deployment, State.FAILED)
    for _ in range(len(WAITS_SECONDS) + 1):
        (pk,) = all_due()
        webhooks.deliver(pk)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, len(receiver.got)) == ("failed", 503, len(WAITS_SECONDS) + 1)
    assert delivery.finished_at is not None
    assert all_due() == []


def test_a_receiver_that_is_away_is_tried_again(team: Team, lead: User, allowed: None) -> None:
    webhook, _ = create_webhook(team, {"url": "http://127.0.0.1:9/"}, by=lead)
    delivery = try_webhook(webhook, by=lead)
    webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.status) == ("waiting", 1, None)
    assert "refused" in delivery.answer


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a receiver whose answer never ends: a byte now and then, each soon enough."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        line, _ = listener.accept()
        with line, suppress(OSError):
            line.recv(10_000)
            line.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.02):
                line.sendall(b"a")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    over.set()
    thread.join()
    listener.close()


def test_a_receiver_that_answers_a_byte_at_a_time_holds_no_worker(
    team: Team, lead: User, allowed: None, dripping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.5)
    hook, _ = create_webhook(team, {"url": dripping}, by=lead)
    delivery = try_webhook(hook, by=lead)
    webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.status) == ("waiting", 1, None)
    assert "no whole answer" in delivery.answer


def test_a_delivery_that_ends_its_worker_each_time_is_given_up(
    hook: tuple[Webhook, str], lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(delivering, "send", end)
    delivery = try_webhook(hook[0], by=lead)
    for _ in range(len(WAITS_SECONDS) + 1):
        (pk,) = all_due()
        with pytest.raises(SystemExit):
            webhooks.deliver(pk)
    (pk,) = all_due()
    webhooks.deliver(pk)
    delivery.refresh_from_db()
    assert (delivery.state, all_due()) == ("failed", [])


def test_the_test_button_sends_a_test(hook: tuple[Webhook, str], receiver: Receiver, lead: User) -> None:
    delivery = try_webhook(hook[0], by=lead)
    webhooks.deliver(delivery.pk)
    assert json.loads(receiver.got[0][1])["type"] == "webhook.test"
    assert "deployment" not in json.loads(receiver.got[0][1])


def test_only_what_was_chosen_is_told_and_only_while_enabled(
    hook: tuple[Webhook, str], lead: User, deployment: Deployment, receiver: Receiver
) -> None:
    change_webhook(hook[0], {"events": ["deployment.deleted"]}, by=lead)
    become(deployment, State.FAILED)
    assert Delivery.objects.count() == 0
    become(deployment, State.DELETED)
    change_webhook(hook[0], {"enabled": False}, by=lead)
    (pk,) = all_due()
    webhooks.deliver(pk)
    assert (receiver.got, Delivery.objects.get().state) == ([], "failed")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/latest/meta-data",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/",
        "https://192.168.1.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://224.0.0.1/",
        "http://[64:ff9b::a9fe:a9fe]/latest/meta-data",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::1]/",
        "http://[::7f00:1]/",
        "http://[fec0::1]/",
        "http://168.63.129.16/machine",
        "http://192.0.0.192/latest/",
    ],
)
def test_nothing_is_sent_into_private_networks(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        send(url, b"{}", {})


def test_a_private_address_that_was_stored_before_is_given_up_unsent(
    hook: tuple[Webhook, str], receiver: Receiver, lead: User, settings: Any
) -> None:
    delivery = try_webhook(hook[0], by=lead)
    settings.WEBHOOK_ALLOWED = []
    webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, receiver.got) == ("failed", [])
    assert "WEBHOOK_ALLOW" in delivery.answer


def test_an_admin_allows_hosts_and_networks(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED = ["10.0.0.0/8", "localhost"]
    assert resolve("10.1.2.3", 80) == "10.1.2.3"
    assert resolve("localhost", 80)
    with pytest.raises(ForbiddenAddress):
        resolve("192.168.0.1", 80)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.org/", "https://"),
        ("https:///path", "https://"),
        ("hooks.example.org", "https://"),
        ("https://user:pw@example.org/", "password"),
        ("https://example.org:99999/", "no address"),
        ("https://example.org/a b", "spaces"),
        ("https://example.org/\r\nX: 1", "control"),
        ("https://10.0.0.1/", "public internet"),
        ("https://\u65e5\u672c.example/", "xn--"),
        ("https://example.org/\u00e9", "%C3%A9"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_a_word_why(
    team: Team, lead: User, url: str, words: str
) -> None:
    assert words in problem_of(url)
    with pytest.raises(InvalidInput) as refused:
        create_webhook(team, {"url": url}, by=lead)
    assert [error.field for error in refused.value.errors] == ["url"]


@pytest.mark.parametrize(
    ("payload", "field_"),
    [
        ({}, "url"),
        ({"url": "https://example.org/", "events": []}, "events"),
        ({"url": "https://example.org/", "events": ["deployment.danced"]}, "events[0]"),
        ({"url": "https://example.org/", "enabled": "yes"}, "enabled"),
        ({"url": "https://example.org/", "secret": "mine"}, "secret"),
    ],
)
def test_a_wrong_webhook_names_the_field(
    team: Team, lead: User, payload: dict[str, Any], field_: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_webhook(team, payload, by=lead)
    assert [error.field for error in refused.value.errors] == [field_]
    assert not Webhook.objects.exists()


def test_leads_alone_decide(team: Team, deployer: User, stranger: User, hook: tuple[Webhook, str]) -> None:
    for by, error in ((deployer, PermissionDenied), (stranger, NotFound)):
        with pytest.raises(error):
            create_webhook(team, {"url": "https://example.org/"}, by=by)
        for wish in (delete_webhook, try_webhook):
            with pytest.raises(error):
                wish(hook[0], by=by)
        with pytest.raises(error):
            change_webhook(hook[0], {"enabled": False}, by=by)
    assert Webhook.objects.get().enabled


def test_the_secret_is_kept_sealed_and_in_no_record(hook: tuple[Webhook, str]) -> None:
    webhook, secret = hook
    assert secret not in webhook.sealed_secret
    assert not any(secret in str(entry) for entry in AuditEntry.objects.values())


def test_a_public_address_is_public() -> None:
    assert problem_of("https://93.184.216.34/hook") == ""
    assert problem_of("https://[2606:2800:220:1::1]/hook") == ""
    # A public IPv4 address as networks without IPv4 write it.
    assert problem_of("https://[64:ff9b::5db8:d822]/hook") == ""
    assert not is_allowed(ipaddress.ip_address("198.18.0.1"), "x")
