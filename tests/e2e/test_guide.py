"""Every command of docs/guide.md, and so of docs/guia.md, runs as it stands, against a running product.

So do the clicks, as devtools/walk.py makes them for the pictures.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from devtools import walk
from tests.e2e.stack import ROOT, Stack, free_node_port

STEP = re.compile(r"^## (\d)\. ", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BETWEEN = "~~~ step"


@dataclass(frozen=True)
class Block:
    """A block with a name: commands of one way ("rest", "kubectl"), or a file."""

    step: str
    kind: str
    name: str
    text: str


def blocks_of(page: str) -> list[Block]:
    """In their order, each with the step that it stands in."""
    _, *steps = STEP.split((ROOT / "docs" / page).read_text())
    return [
        Block(step, *found)
        for step, text in zip(steps[::2], steps[1::2], strict=True)
        for found in BLOCK.findall(text)
    ]


@dataclass(frozen=True)
class Reader:
    """Somebody in a folder with a `./dev` and the product's `.data`, as in a checkout where it runs."""

    folder: Path
    stack: Stack
    ports: dict[str, str]

    def follows(self, way: str) -> dict[str, str]:
        """Types the commands of one way into one shell; what it answered, by step."""
        blocks = [block for block in blocks_of("guide.md") if (block.kind, block.name) == ("sh", way)]
        script = "".join(f"echo '{BETWEEN} {block.step}'\n{block.text}" for block in blocks)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(script)],
            cwd=self.folder,
            env={
                **self.stack._base_environment(),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.folder),
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answers: dict[str, str] = {}
        for part in done.stdout.split(BETWEEN)[1:]:
            step, _, text = part.strip().partition("\n")
            answers[step] = answers.get(step, "") + text
        return answers

    def here(self, text: str) -> str:
        """With the ports of this run: those of the page may be somebody's on this machine."""
        for said, meant in self.ports.items():
            text = text.replace(said, meant)
        return text


@pytest.fixture
def reader(stack: Stack, tmp_path: Path) -> Iterator[Reader]:
    ports = {"127.0.0.1:8000": f"127.0.0.1:{stack.port}"}
    ports |= {port: str(free_node_port(int(port))) for port in ("30002", "30003")}
    reader = Reader(tmp_path, stack, ports)
    (tmp_path / ".data").symlink_to(stack.data_dir)
    dev = tmp_path / "dev"
    dev.write_text(f'#!/bin/sh\nexec sh "{ROOT}/dev" "$@"\n')
    dev.chmod(0o755)
    for block in blocks_of("guide.md"):
        if block.kind == "yaml":
            (tmp_path / block.name).write_text(reader.here(block.text))
    yield reader
    for name in ("deployment/house-deployment", "service/house-service"):
        stack.kubectl("delete", name, "--ignore-not-found")
    with stack.client() as api:
        api.delete("/teams/pricing/deployments/house-rest/?wait=50")


def test_both_languages_have_the_same_commands() -> None:
    blocks = blocks_of("guide.md")
    assert blocks == blocks_of("guia.md")
    for way in ("rest", "kubectl"):
        steps = {block.step for block in blocks if block.name == way}
        assert steps >= set("256789"), way


@pytest.mark.e2e
def test_the_guide_by_click(signed_in: Page, stack: Stack) -> None:
    pictures: list[str] = []

    def keep(name: str, *, whole: bool = False) -> None:
        pictures.append(f"{name}.png")

    walk.follow(signed_in, stack, keep)
    for page, prefix in (("guide.md", "guide"), ("guia.md", "guia")):
        text = (ROOT / "docs" / page).read_text()
        assert re.findall(rf"\(images/{prefix}-(.+?)\)", text) == pictures


@pytest.mark.e2e
def test_the_guide_by_rest(reader: Reader) -> None:
    said = reader.follows("rest")
    assert '"username":"deployer"' in said["2"] and '"nodes":' in said["2"]
    assert '"image":"local/house:1.0"' in said["3"]
    assert '"code":"dry_run"' in said["4"] and '"kind":"Deployment"' in said["4"]
    assert '"message":"2 of 2 replicas ready"' in said["5"]
    assert f'"endpoint":"http://127.0.0.1:{reader.ports["30002"]}' in said["5"]
    assert said["6"].count('"predictions"') == 2
    assert '"message":"5 of 5 replicas ready"' in said["7"]
    assert "[house-rest-" in said["8"] and '"reason":' in said["8"]
    assert '"state":"succeeded"' in said["9"]


@pytest.mark.e2e
def test_the_guide_by_kubectl(reader: Reader) -> None:
    said = reader.follows("kubectl")
    assert "local-1" in said["2"]
    assert "deployment.apps/house-deployment created" in said["5"]
    assert "successfully rolled out" in said["5"]
    assert f"5001:{reader.ports['30003']}/TCP" in said["5"]
    assert '"predictions"' in said["6"]
    assert said["7"].count("Running") >= 5
    assert "Started" in said["8"] and "deleted" in said["8"]
    assert 'deployment.apps "house-deployment" deleted' in said["9"]
