"""Every block of docs/automation.md runs as it stands, one after the other, against a running product."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.stack import ROOT, Stack, deployment_of

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, text) for kind, text in BLOCK.findall((ROOT / "docs" / "automation.md").read_text())]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the command, built of a copy: a build leaves folders beside what it builds."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "timoneiro", source / "timoneiro", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(source), str(source)], check=True, capture_output=True)
    (wheel,) = source.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(stack: Stack, package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a CI's job has: a Python with httpx and without the command, an address and a token."""
    folder = tmp_path_factory.mktemp("ci")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # pip and httpx are those of the checkout: nothing is fetched.
    (site / "checkout.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "TIMONEIRO_URL": stack.url,
        "TIMONEIRO_TOKEN": stack.token(),
        "TIMONEIRO_PACKAGE": str(package),
    }


def ran(argv: list[str], environment: Mapping[str, str]) -> str:
    """What it printed; it must have ended well."""
    done = subprocess.run(
        argv,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=environment["HOME"],
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def github(workflow: Mapping[str, Any], environment: Mapping[str, str], tag: str) -> None:
    """Every step of a workflow's job, each in a bash of its own as the runner starts it."""
    known = {
        **{f"{kind}.{name}": value for name, value in environment.items() for kind in ("vars", "secrets")},
        "github.ref_name": tag,
        "github.sha": "0" * 40,
    }
    job = workflow["jobs"]["deploy"]
    told = {
        name: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], text)
        for name, text in job["env"].items()
    }
    for step in job["steps"]:
        ran(["bash", "-e", "-c", step["run"]], {**environment, **told})


def gitlab(pipeline: Mapping[str, Any], environment: Mapping[str, str], tag: str) -> None:
    """The scripts of the job, in the shell that the runner joins their lines for."""
    told = {**environment, "CI_COMMIT_TAG": tag, "CI_COMMIT_SHA": "1" * 40}
    job = pipeline["deploy"]
    ran(["sh", "-e", "-c", "\n".join([*job["before_script"], *job["script"]])], told)
    ran(["sh", "-e", "-c", "\n".join(job["after_script"])], told)


@pytest.mark.e2e
def test_every_block_of_the_page_does_what_it_says(client: httpx.Client, environment: dict[str, str]) -> None:
    assert shutil.which("curl"), "curl is needed for this test"
    assert [kind for kind, _ in BLOCKS] == ["sh", "sh", "python", "yaml", "yaml", "sh"]
    (_, command), (_, curl), (_, python), (_, actions), (_, pipeline), (_, end) = BLOCKS

    def serves(image: str) -> bool:
        found = deployment_of(client, "house-ci")
        return (found["image"], found["status"]["state"]) == (image, "running")

    assert "pricing/house-ci" in ran(["sh", "-e", "-c", command], environment)
    assert serves("local/house:1.0")
    assert deployment_of(client, "house-ci")["replicas"] == 2
    assert '"message":"2 of 2 replicas ready"' in ran(["sh", "-e", "-c", curl], environment)
    assert serves("local/house:2.0")
    assert "local/house:1.0 2 of 2 replicas ready" in ran(["python", "-c", python], environment)
    assert serves("local/house:1.0")
    github(yaml.safe_load(actions), environment, "2.0")
    assert serves("local/house:2.0")
    gitlab(yaml.safe_load(pipeline), environment, "1.0")
    assert serves("local/house:1.0")
    ran(["sh", "-e", "-c", end], environment)
    assert client.get("/teams/pricing/deployments/house-ci/").status_code == 404
