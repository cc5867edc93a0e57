"""Second factors and passwords: whoever changes them confirms who they are; sign-in asks for them."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from deployments import limits
from teams.models import AuditEntry, SignIn
from tests.dashboard.codes import code_of

pytestmark = pytest.mark.django_db


def confirmed(browser: Client, password: str) -> None:
    assert browser.post("/account/confirm", {"password": password})["Location"] == "/"


def with_app(browser: Client, password: str) -> str:
    """Sets an authenticator app up in this browser; its key."""
    confirmed(browser, password)
    secret: str = browser.get("/account/two-factor/codes/add").context["form"].secret
    answer = browser.post("/account/two-factor/codes/add", {"code": code_of(secret)})
    assert answer["Location"] == "/account/two-factor/recovery-codes/"
    return secret


def first_step(name: str) -> Client:
    """A browser in which the password was typed, and is not enough."""
    client = Client()
    answer = client.post("/sign-in/", {"username": name, "password": name, "next": "/models/"})
    assert answer["Location"] == "/sign-in/second-factor"
    assert client.get("/account/").status_code == 302
    return client


def second_step(client: Client, code: str) -> Any:
    return client.post("/sign-in/second-factor", {"code": code})


def test_a_code_is_asked_for_after_the_password(browser: Client, deployer: User) -> None:
    secret = with_app(browser, "deployer")
    client = first_step("deployer")
    assert second_step(client, "000000" if code_of(secret) != "000000" else "111111").status_code == 200
    assert client.get("/account/").status_code == 302
    assert second_step(client, code_of(secret))["Location"] == "/models/"
    assert client.get("/account/").status_code == 200
    said = AuditEntry.objects.filter(action="sign in", allowed=True).latest("pk")
    assert (said.actor, said.detail) == ("deployer", {"with": "password, code"})
    assert SignIn.objects.filter(user=deployer).count() == 2


def test_a_code_is_taken_once_and_none_before_it(browser: Client, deployer: User) -> None:
    secret = with_app(browser, "deployer")
    code = code_of(secret, later=1)
    assert second_step(first_step("deployer"), code).status_code == 302
    for used in (code, code_of(secret)):
        answer = second_step(first_step("deployer"), used)
        assert answer.status_code == 200
        assert "has been used" in answer.content.decode()


def test_five_wrong_codes_close_the_door_for_a_while(browser: Client, deployer: User) -> None:
    secret = with_app(browser, "deployer")
    client = first_step("deployer")
    for _ in range(5):
        assert second_step(client, "12345").status_code == 200
    answer = second_step(client, code_of(secret))
    assert "Too many wrong tries" in answer.content.decode()
    assert client.get("/account/").status_code == 302
    assert Client().post("/sign-in/", {"username": "deployer", "password": "deployer"}).status_code == 429
    assert AuditEntry.objects.filter(action="sign in", allowed=False, actor="deployer").count() >= 5


def test_codes_of_one_account_are_tried_so_often_from_anywhere(
    browser: Client, deployer: User, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = with_app(browser, "deployer")
    monkeypatch.setattr(limits, "_away_until", 0.0)
    for number in range(10):
        client = first_step("deployer")
        client.post("/sign-in/second-factor", {"code": "12345"}, REMOTE_ADDR=f"192.0.2.{number}")
    client = first_step("deployer")
    answer = client.post("/sign-in/second-factor", {"code": code_of(secret)}, REMOTE_ADDR="192.0.2.99")
    assert "Too many wrong tries" in answer.content.decode()


def test_a_recovery_code_lets_in_once(browser: Client, deployer: User) -> None:
    with_app(browser, "deployer")
    codes = browser.get("/account/two-factor/recovery-codes/").context["unused_codes"]
    assert len(codes) == 10
    assert second_step(first_step("deployer"), codes[0]).status_code == 302
    assert second_step(first_step("deployer"), codes[0]).status_code == 200
    listed = browser.get("/account/two-factor/recovery-codes/download")
    assert codes[1] in listed.content.decode()
    assert codes[0] not in listed.content.decode()
    assert "no-store" in listed["Cache-Control"]
    browser.post("/account/two-factor/recovery-codes/new")
    assert second_step(first_step("deployer"), codes[1]).status_code == 200


def test_whoever_has_lost_everything_is_let_in_by_an_admin(browser: Client, deployer: User) -> None:
    with_app(browser, "deployer")
    call_command("account", "forget-factors", "deployer", stdout=io.StringIO())
    assert browser.get("/account/").status_code == 302
    assert Client().post("/sign-in/", {"username": "deployer", "password": "deployer"})["Location"] == "/"
    row = AuditEntry.objects.get(action="forget second factors")
    assert row.before == {"kinds": ["recovery_codes", "totp"]}


def test_another_key_reads_what_an_earlier_one_wrote_or_says_why_not(
    browser: Client, deployer: User, settings: Any
) -> None:
    secret = with_app(browser, "deployer")
    earlier, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-" + "x" * 50
    client = first_step("deployer")
    assert "key of this installation has changed" in second_step(client, code_of(secret)).content.decode()
    settings.SECRET_KEY_FALLBACKS = [earlier]
    assert second_step(client, code_of(secret)).status_code == 302


def test_secrets_are_not_readable_in_the_database(browser: Client, deployer: User) -> None:
    secret = with_app(browser, "deployer")
    codes = browser.get("/account/two-factor/recovery-codes/").context["unused_codes"]
    kept = str(list(Authenticator.objects.values())) + str(list(AuditEntry.objects.values()))
    assert secret not in kept
    assert not any(code in kept for code in codes)
    assert secret not in browser.get("/account/two-factor/").content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/account/two-factor/codes/add",
        "/account/two-factor/passkeys/add",
        "/account/two-factor/recovery-codes/new",
    ],
)
def test_a_browser_left_open_changes_nothing(browser: Client, path: str) -> None:
    for answer in (browser.get(path), browser.post(path, {"code": "1", "credential": "{}"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/confirm?next=")
    assert not Authenticator.objects.exists()


def test_the_app_is_removed_after_confirming_and_its_recovery_codes_end(
    browser: Client, deployer: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with_app(browser, "deployer")
    elsewhere = Client()
    elsewhere.force_login(deployer)
    answer = elsewhere.post("/account/two-factor/codes/remove")
    assert answer["Location"].startswith("/account/confirm")
    browser.post("/account/two-factor/codes/remove")
    assert not Authenticator.objects.exists()
    assert Client().post("/sign-in/", {"username": "deployer", "password": "deployer"})["Location"] == "/"
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"add second factor", "remove second factor"} <= actions


def test_confirming_by_guessing_is_counted(browser: Client, deployer: User) -> None:
    for _ in range(5):
        browser.post("/account/confirm", {"password": "wrong"})
    answer = browser.post("/account/confirm", {"password": "deployer"})
    assert "Too many wrong tries" in answer.content.decode()
    assert AccessAttempt.objects.get().failures_since_start == 5
    assert AuditEntry.objects.filter(action="confirm", allowed=False).count() == 6


def new_password(**changes: str) -> dict[str, str]:
    typed = {"oldpassword": "deployer", "password1": "a long new one", "password2": "a long new one"}
    return {**typed, **changes}


def test_a_password_is_changed_and_other_browsers_are_out(
    browser: Client, deployer: User, browser_of: Callable[[User], Client]
) -> None:
    elsewhere = browser_of(deployer)
    assert browser.post("/account/password", new_password())["Location"] == "/account/"
    assert browser.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    deployer.refresh_from_db()
    assert deployer.check_password("a long new one")
    assert AuditEntry.objects.filter(action="change password", actor="deployer").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oldpassword": "wrong"}, "The password is wrong"),
        ({"password2": "another"}, "same password"),
        ({"password1": "deployer", "password2": "deployer"}, "too similar"),
        ({"password1": "12345678", "password2": "12345678"}, "too common"),
    ],
)
def test_a_bad_password_changes_nothing(
    browser: Client, deployer: User, changes: dict[str, str], said: str
) -> None:
    answer = browser.post("/account/password", new_password(**changes))
    assert said in answer.content.decode()
    deployer.refresh_from_db()
    assert deployer.check_password("deployer")


def test_sign_ins_and_failures_are_in_the_audit_without_what_may_be_a_password(viewer: User) -> None:
    for name in ("viewer", "my-pass-phrase"):
        Client(REMOTE_ADDR="192.0.2.9").post("/sign-in/", {"username": name, "password": "hush"})
    browser = Client()
    browser.post("/sign-in/", {"username": "viewer", "password": "viewer"})
    browser.post("/sign-out/")
    rows = list(AuditEntry.objects.order_by("pk").values_list("actor", "action", "target", "allowed"))
    assert rows == [
        ("viewer", "sign in", "viewer", False),
        ("", "sign in", "unknown account", False),
        ("viewer", "sign in", "viewer", True),
        ("viewer", "sign out", "viewer", True),
    ]
    kept = str(list(AuditEntry.objects.values()))
    assert "hush" not in kept
    assert "my-pass-phrase" not in kept


def test_nobody_signs_up(client: Client) -> None:
    for path in ("/sign-up/", "/accounts/signup/", "/account/signup/"):
        assert client.get(path).status_code == 404


def answering(**response: object) -> str:
    return json.dumps({"id": "eA", "rawId": "eA", "type": "public-key", "response": response})


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "null",
        "not json",
        "[" * 5000,
        '{"id": "x"}',
        '{"response": 5}',
        answering(),
        answering(userHandle="\0", clientDataJSON="eA", authenticatorData="eA", signature="eA"),
        answering(userHandle="eA", clientDataJSON="eA", authenticatorData="eA", signature="eA"),
        answering(userHandle="MQ", clientDataJSON="e30", authenticatorData="eA" * 50, signature="eA"),
        answering(clientDataJSON=5),
    ],
)
def test_what_is_no_passkey_is_refused_without_an_error(client: Client, credential: str) -> None:
    asked = client.get("/sign-in/passkey", headers={"Accept": "application/json"})
    assert asked.json()["request_options"]["publicKey"]["rpId"] == "testserver"
    answer = client.post("/sign-in/passkey", {"credential": credential})
    assert answer["Location"] == "/sign-in/"
    assert client.get("/account/").status_code == 302
