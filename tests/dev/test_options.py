"""What `./dev up` is told, and what it makes for itself."""

import socket
import stat
from pathlib import Path

import pytest
from django.conf import settings

from dashboard.supervisor import programs
from dashboard.supervisor.main import main, welcome
from dashboard.supervisor.options import (
    CannotStart,
    Options,
    Secrets,
    keep_secrets,
    read_options,
    require_free_port,
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PORT", "DATABASE_URL", "REDIS_URL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


def test_the_port_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_options([], terminal=False).address == "http://127.0.0.1:8000"
    monkeypatch.setenv("PORT", "9001")
    assert read_options([], terminal=False).address == "http://127.0.0.1:9001"


@pytest.mark.parametrize("port", ["0", "70000", "eighty"])
def test_an_impossible_port_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CannotStart, match=r"^PORT: "):
        read_options([], terminal=False)


def test_a_relative_data_dir_is_the_callers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", "here")
    assert read_options([], terminal=False).data_dir == tmp_path / "here"


def test_a_kubeconfig_must_be_there_and_a_context_needs_one(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot be read"):
        read_options(["--kubeconfig", str(tmp_path / "none")], terminal=False)
    with pytest.raises(CannotStart, match="--context needs --kubeconfig"):
        read_options(["--context", "prod"], terminal=False)


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_options([], terminal=True).colour
    assert not read_options([], terminal=False).colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not read_options([], terminal=True).colour


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    made = keep_secrets(tmp_path)
    assert keep_secrets(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert len(made.secret_key) > 50


def test_a_busy_port_is_a_clear_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} is not free"):
            require_free_port(port)
        monkeypatch.setenv("PORT", str(port))
        assert main([]) == 1
    said = capsys.readouterr().err
    assert f"Port {port} is not free" in said
    assert "PORT=" in said


def test_only_the_cluster_side_gets_cluster_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/config")
    django = programs.DjangoPrograms(
        read_options([], terminal=False), Secrets("web-key", "cluster-key"), "redis://x"
    )
    for program in (django.web(), django.beat()):
        assert "cluster-key" not in program.environment.values()
        assert not {"KUBECONFIG", "KUBECONFIG_PATH", "KUBE_CONTEXT"} & program.environment.keys()
    workers = (django.worker(), django.answers(), django.chores())
    for program in (django.prepare(), *workers, django.observer()):
        assert program.environment["ENCRYPTION_KEY"] == "cluster-key"
        assert program.environment["KUBECONFIG_PATH"].endswith("cluster/kubeconfig")


def test_models_that_hang_hold_no_wish_up() -> None:
    django = programs.DjangoPrograms(read_options([], terminal=False), Secrets("a", "b"), "redis://x")
    workers = (django.worker(), django.answers(), django.chores())
    queues = [program.argv[program.argv.index("--queues") + 1] for program in workers]
    assert queues == ["reconcile", "interactive", "upkeep"]
    # Every task that waits for somebody else's server is told to go elsewhere.
    routes = settings.CELERY_TASK_ROUTES
    for task in ("check_endpoint", "capture_logs", "deliver"):
        assert routes[f"deployments.tasks.{task}"] == {"queue": "upkeep"}


def test_the_brokers_password_is_on_no_command_line(tmp_path: Path) -> None:
    private = programs.PrivateValkey(7777, "open-sesame", tmp_path)
    program = programs.valkey(private)
    assert "open-sesame" not in " ".join(program.argv)
    assert stat.S_IMODE((tmp_path / "valkey.conf").stat().st_mode) == 0o600


def test_passwords_are_shown_at_the_first_start_only(tmp_path: Path) -> None:
    options = Options(8000, tmp_path, "", "", None, "", colour=False)
    (tmp_path / "passwords").write_text("deployer s3cret\nadmin 0ther\n")
    first = welcome(options, first_start=True)
    assert first.startswith("Ready: http://127.0.0.1:8000  sign in as deployer / s3cret, admin / 0ther")
    later = welcome(options, first_start=False)
    assert later.startswith("Ready: http://127.0.0.1:8000  ")
    assert "s3cret" not in later
    assert str(tmp_path / "passwords") in later
