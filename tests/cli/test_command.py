"""The command `timoneiro` on a real server: what it keeps, prints, and ends with."""

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from deployments.models import Deployment, State
from tests.cli.conftest import Run
from tests.deployments.told import WRONG_PORT
from timoneiro import api, config
from timoneiro.errors import WrongUsage
from timoneiro.main import parser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signed_in(live_server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMONEIRO_URL", live_server.url)
    monkeypatch.setenv("TIMONEIRO_TOKEN", token)


def serve(name: str = "house") -> None:
    """As the observer would say it."""
    row = Deployment.objects.get(name=name)
    row.state, row.applied_generation, row.ready_replicas = State.RUNNING, row.generation, row.replicas
    row.save()


def test_login_keeps_what_works_for_this_account_alone(
    home: Path,
    run: Run,
    token: str,
    live_server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    house: Deployment,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    assert run("login", "--url", live_server.url + "/", "--token-stdin") == 0
    file = home / "timoneiro" / "config.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {
        "url": live_server.url,
        "token": token,
        "team": "pricing",
        "insecure_http": False,
    }
    assert run("list") == 0


def test_login_keeps_nothing_of_a_token_that_does_not_work(
    home: Path, run: Run, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tim_" + "x" * 40))
    assert run("login", "--url", live_server.url, "--token-stdin") == 3
    assert not (home / "timoneiro").exists()
    assert "revoked" in capsys.readouterr().err


def test_a_kept_token_goes_to_no_other_server(
    home: Path, run: Run, token: str, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(token))
    assert run("login", "--url", live_server.url, "--token-stdin") == 0
    monkeypatch.setenv("TIMONEIRO_URL", "http://elsewhere.invalid")
    assert run("list") == 3


@pytest.mark.parametrize(
    ("url", "goes"),
    [
        ("https://deploy.example.org", True),
        ("http://127.0.0.1:8000", True),
        ("http://127.9.9.9", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://deploy.example.org", False),
        ("http://10.0.0.7:8000", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1@example.org", False),
        ("http://", False),
        ("http://[::1", False),
    ],
)
def test_without_tls_a_token_leaves_this_machine_only_when_that_is_said(url: str, goes: bool) -> None:
    environment = {"TIMONEIRO_URL": url, "TIMONEIRO_TOKEN": "tim_x"}
    if goes:
        assert config.load(environment).url == url
        return
    with pytest.raises(WrongUsage):
        config.load(environment)
    if url.count("/") == 2 and url[7:].partition("[")[0]:
        assert config.load(environment, insecure_http=True).url == url
        assert config.load({**environment, "TIMONEIRO_INSECURE_HTTP": "1"}).url == url


def test_a_login_that_said_so_is_asked_no_more(home: Path, run: Run, capsys: Any) -> None:
    environment = {"XDG_CONFIG_HOME": str(home)}
    config.save(config.Config("http://deploy.example.org", "tim_x", insecure_http=True), environment)
    assert config.load(environment).insecure_http
    # It was said of that server, and of no other that a token is sent to.
    other = {**environment, "TIMONEIRO_URL": "http://elsewhere.example.org", "TIMONEIRO_TOKEN": "tim_x"}
    with pytest.raises(WrongUsage, match="everybody on the way"):
        config.load(other)
    assert run("login", "--url", "http://deploy.example.org") == 2
    assert "--insecure-http" in capsys.readouterr().err


def test_the_list_is_a_table_or_json(run: Run, signed_in: None, house: Deployment, capsys: Any) -> None:
    assert run("list") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "STATUS", "READY", "MODEL", "VERSION", "ADDRESS"]
    assert line.split() == ["pricing/house", "pending", "0/1", "house", "1.0", "-"]
    assert run("list", "-o", "json", "--search", "nothing") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_deploy_makes_and_then_changes(run: Run, signed_in: None, house: Deployment, capsys: Any) -> None:
    new = ("deploy", "pricing/new", "--no-wait", "--image")
    assert run(*new, "local/house:1.0", "--env", "A=1", "--env", "B=2") == 0
    assert run(*new, "local/house:2.0", "--env", "B=3", "--replicas", "2", "--cause", "newer data") == 0
    made = Deployment.objects.get(name="new")
    assert (made.version.version, made.replicas) == ("2.0", 2)
    assert made.revisions.get(number=2).change_cause == "newer data"
    capsys.readouterr()
    assert run("list", "-o", "json", "--search", "new") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("scale", "house", "1000", "--no-wait"), 1, "replicas"),
        (("deploy", "new"), 2, "--image"),
        (("deploy", "new", "--image", "x:1", "--env", "A"), 2, "NAME=VALUE"),
        (("deploy", "house"), 2, "Say what to change"),
        (("delete", "house"), 2, "--yes"),
        (("rollback", "house"), 2, "no earlier revision"),
        (("scale", "nothing", "2"), 4, "nothing"),
        (("scale", "fraud/house", "2"), 4, ""),
        (("wait", "house", "--timeout", "0"), 5, "Not within 0 s"),
        (("scale", "house", "2", "--timeout", "0"), 5, "queued"),
    ],
)
def test_what_goes_wrong_has_a_code_and_words(
    run: Run,
    signed_in: None,
    house: Deployment,
    capsys: Any,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    assert run(*arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_wait_ends_when_it_serves_and_when_it_never_will(
    run: Run, signed_in: None, house: Deployment, capsys: Any
) -> None:
    serve()
    assert run("wait", "house") == 0
    assert capsys.readouterr().out.startswith("pricing/house local/house:1.0: running")
    Deployment.objects.update(state=State.FAILED, diagnosis=WRONG_PORT)
    assert run("wait", "house") == 1
    printed = capsys.readouterr().err
    for word in ("cause", "advice"):
        assert WRONG_PORT[word]["en"] in printed


def test_a_server_that_is_not_there_is_asked_again_and_then_named(
    run: Run, signed_in: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(api, "PAUSES_SECONDS", (0.0, 0.0))
    monkeypatch.setenv("TIMONEIRO_URL", "http://127.0.0.1:1")
    assert run("list") == 6
    assert "127.0.0.1 cannot be reached" in capsys.readouterr().err


def test_nobody_signed_in_is_told_how(run: Run, capsys: Any, db: None) -> None:
    assert run("list") == 3
    assert "timoneiro login" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("fly",), ("scale", "house", "many"), ("list", "-o", "xml")])
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(list(arguments))
    assert ended.value.code == 2
