"""A backup made as the handbook says is restored as it says, and serves the same pages."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.settings.environment import ROOT
from devtools.postgres import ROLE, running_postgres, wheel_programs

KEYS = {
    "SECRET_KEY": "only-for-tests-" + "x" * 50,
    "ENCRYPTION_KEY": "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktMDAwMDA=",
}


def block(name: str) -> str:
    """A command of the handbook."""
    found = re.search(rf"```sh {name}\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.S)
    assert found, name
    return found[1]


def run(*command: str, **environment: str) -> str:
    # The programs of the wheel come first: as old or new as the server that they speak to.
    path = f"{wheel_programs() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": "/"}
    done = subprocess.run(
        command, env=kept | environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def product(what: str, url: str, folder: Path) -> str:
    settings = {**KEYS, "DJANGO_SETTINGS_MODULE": "dashboard.settings.test", "DATABASE_URL": url}
    program = ("manage.py", "prepare") if what == "prepare" else ("-m", "tests.dev.restored", what)
    return run(sys.executable, *program, **settings, DATA_DIR=str(folder))


@pytest.fixture
def two_servers() -> Iterator[list[str]]:
    """Addresses of an empty database in each of two servers."""
    with running_postgres(os.environ) as first, running_postgres(os.environ) as second:
        for url in (first, second):
            run("createdb", "--maintenance-db", url.replace("/timoneiro?", "/postgres?"), ROLE)
        yield [first, second]


def test_a_restored_postgresql_serves_the_same_pages(two_servers: list[str], tmp_path: Path) -> None:
    first, second = two_servers
    product("prepare", first, tmp_path)
    product("fill", first, tmp_path)
    backup = str(tmp_path / "timoneiro.dump")
    run("sh", "-ec", block("backup-postgresql"), DATABASE_URL=first, BACKUP=backup)
    run("sh", "-ec", block("restore-postgresql"), DATABASE_URL=second, BACKUP=backup)
    before, after = (json.loads(product("pages", url, tmp_path)) for url in (first, second))
    assert all(text.startswith("200 ") for address, text in before.items() if address.startswith("/")), before
    assert "house" in before["/deployments/"]
    assert before["secrets"] == after["secrets"] == json.dumps(["in-cluster", "é: kept"])
    assert "append-only" in after["audit"]
    assert after == before
    # The backup alone opens nothing.
    assert "é: kept" not in run("pg_restore", "--file=-", backup)


def test_a_backup_of_sqlite_has_what_is_still_in_its_log(tmp_path: Path) -> None:
    database, backup = tmp_path / "timoneiro.sqlite3", tmp_path / "backup.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE wishes (name)")
        connection.execute("INSERT INTO wishes VALUES ('house')")
        connection.commit()
        assert (tmp_path / "timoneiro.sqlite3-wal").stat().st_size
        run("sh", "-ec", block("backup-sqlite"), DATABASE=str(database), BACKUP=str(backup))
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT name FROM wishes").fetchall() == [("house",)]
