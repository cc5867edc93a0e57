"""What the command does when a server is slow, busy or goes away in the middle."""

from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.scripted import Scripted, serving
from timoneiro import following

BUSY = Scripted(503, {"detail": "Busy."}, {"Retry-After": "0"})
SERVED = {
    "team": "pricing",
    "name": "house",
    "image": "local/house:1.0",
    "endpoint": None,
    "status": {"state": "running", "message": "2 of 2 replicas ready"},
}


def line(text: str, at: str) -> str:
    return f'event: line\ndata: {{"pod": "house-1", "text": "{text}", "at": "{at}"}}\n\n'


def test_a_write_is_sent_again_with_the_same_key(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    running = Scripted(409, {"code": "idempotency_in_progress", "detail": "Wait."}, {"Retry-After": "0"})
    done = Scripted(202, {"operation": {}, "deployment": SERVED})
    with serving(BUSY, running, done) as server:
        monkeypatch.setenv("TIMONEIRO_URL", server.url)
        monkeypatch.setenv("TIMONEIRO_TOKEN", "tim_x")
        assert run("scale", "pricing/house", "2", "--no-wait") == 0
    keys = {headers["Idempotency-Key"] for _, _, headers in server.asked}
    assert len(server.asked) == 3
    assert len(keys) == 1
    assert capsys.readouterr().out == "pricing/house local/house:1.0: running, 2 of 2 replicas ready\n"


def test_a_refusal_is_not_sent_again(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with serving(Scripted(409, {"code": "being_deleted", "detail": "It is being deleted."})) as server:
        monkeypatch.setenv("TIMONEIRO_URL", server.url)
        monkeypatch.setenv("TIMONEIRO_TOKEN", "tim_x")
        assert run("scale", "pricing/house", "2") == 1
    assert capsys.readouterr().err == "timoneiro: It is being deleted.\n"


def test_a_followed_log_goes_on_where_it_was_cut_off(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(following, "AGAIN_SECONDS", 0.0)
    first, second, third = (f"2026-01-01T00:00:0{n}.000000000Z" for n in (1, 2, 3))
    problem = 'event: problem\ndata: {"status": 404, "detail": "It is gone."}\n\n'
    answers = (
        Scripted(200, line("one", first) + line("two", second)),
        Scripted(200, line("two", second) + line("three", third) + problem),
    )
    with serving(*answers) as server:
        monkeypatch.setenv("TIMONEIRO_URL", server.url)
        monkeypatch.setenv("TIMONEIRO_TOKEN", "tim_x")
        assert run("logs", "-f", "pricing/house") == 4
    assert capsys.readouterr().out == "[house-1] one\n[house-1] two\n[house-1] three\n"
    assert "since=" not in server.asked[0][1]
    assert "since=" in server.asked[1][1]


def test_an_address_that_is_something_else_is_said_to_be(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with serving(Scripted(302, {}, {"Location": "/elsewhere"})) as server:
        monkeypatch.setenv("TIMONEIRO_URL", server.url)
        monkeypatch.setenv("TIMONEIRO_TOKEN", "tim_x")
        assert run("list") == 1
    assert "is the address right?" in capsys.readouterr().err
