"""Guessing passwords is slow, and tells nothing."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client

from deployments import limits

HERE, THERE = "192.0.2.1", "192.0.2.2"


def attempt(name: str, password: str, address: str = HERE) -> Any:
    return Client(REMOTE_ADDR=address).post("/sign-in/", {"username": name, "password": password})


def test_five_wrong_passwords_close_the_door_for_a_while(viewer: User) -> None:
    assert [attempt("viewer", "wrong").status_code for _ in range(5)] == [200] * 4 + [429]
    right = attempt("viewer", "viewer")
    assert right.status_code == 429
    assert right.headers["Retry-After"] == "300"
    assert "Wait 5 min" in right.content.decode()
    assert "_auth_user_id" not in right.client.session


def test_the_door_is_closed_where_the_guessing_came_from_and_for_that_name(viewer: User, lead: User) -> None:
    for _ in range(6):
        attempt("viewer", "wrong")
    assert attempt("viewer", "viewer", THERE).status_code == 302
    assert attempt("lead", "lead").status_code == 302


def test_a_name_that_nobody_has_is_treated_alike(viewer: User) -> None:
    known, unknown = ([attempt(name, "wrong") for _ in range(6)] for name in ("viewer", "nobody"))
    assert [a.status_code for a in known] == [a.status_code for a in unknown]
    assert [len(a.content) for a in known] == [len(a.content) for a in unknown]


def test_a_right_password_forgets_the_wrong_ones(viewer: User) -> None:
    for _ in range(2):
        assert [attempt("viewer", "wrong").status_code for _ in range(4)] == [200] * 4
        assert attempt("viewer", "viewer").status_code == 302


def test_what_was_typed_is_not_kept(viewer: User) -> None:
    attempt("my-pass-phrase", "and-another")
    kept = str(list(AccessAttempt.objects.values()))
    assert AccessAttempt.objects.count() == 1
    assert "my-pass-phrase" not in kept
    assert "and-another" not in kept


def test_one_address_tries_so_many_names_a_minute(
    viewer: User, redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_away_until", 0.0)
    settings.SIGN_INS_PER_MINUTE = 3
    assert [attempt(f"user-{n}", "x").status_code for n in range(4)] == [200, 200, 200, 429]
    assert attempt("viewer", "viewer").status_code == 429
    assert attempt("viewer", "viewer", THERE).status_code == 302
