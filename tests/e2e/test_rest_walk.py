"""The walk of docs/rest.md works as written, with curl and a shell alone."""

import os
import shutil
import subprocess

import pytest

from tests.e2e.stack import ROOT, Stack


@pytest.mark.e2e
def test_the_documented_walk_works_with_curl_alone(stack: Stack, name: str) -> None:
    assert shutil.which("curl"), "curl is needed for this test"
    done = subprocess.run(
        ["sh", str(ROOT / "docs" / "rest-walk.sh")],
        env={
            "PATH": os.environ["PATH"],
            "TIMONEIRO_URL": stack.url,
            "TIMONEIRO_TOKEN": stack.token(),
            "NAME": name,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "2 of 2 replicas ready" in lines
    assert "3 of 3 replicas ready" in lines
    assert any('"predictions"' in line for line in lines), done.stdout
    assert f"[{name}-" in done.stdout
    assert "local/house:2.0" in lines
    assert '"code":"dry_run","state":"ok"' in lines
    assert "local/house:1.0" in lines
    assert any(line.startswith("Paused") for line in lines), done.stdout
    assert lines[-1] == "reading it now answers 404"
