"""What docker-compose.yml says, without Docker: each container is a process in a folder made as its image is.

The commands and environments are those of the file itself. What only containers have is put in its place:
host names become ports of this machine, volumes folders, the image a copy made by the Dockerfile's own steps.
"""

import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.install import compose, dockerfile

ROOT = compose.ROOT
SITE_PACKAGES = Path(str(importlib.metadata.distribution("django").locate_file("")))


@dataclass(frozen=True)
class Image:
    """A folder as the image's root would be, and the environment that the image sets."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def app(self) -> Path:
        return self.folder / "app"

    def placed(self, text: str) -> str:
        """`text` with the image's paths as they are on this machine."""
        return re.sub(r"(?<![\w./])/(app|opt/venv|tmp/build|data)\b", rf"{self.folder}/\1", text)

    def snapshot(self) -> dict[str, int]:
        """Every file of the image that a read-only root would protect, and when it was changed."""
        return {
            str(path): path.stat().st_mtime_ns
            for part in ("app", "opt")
            for path in (self.folder / part).rglob("*")
            if path.is_file()
        }


def build(folder: Path) -> Image:
    """Follows the Dockerfile: its COPY lines, its collected files, what it takes away again.

    Instead of downloading wheels anew it takes what they unpacked to, from this environment.
    """
    _, (stage, final) = dockerfile.read()
    image = Image(folder, {})
    unpack_wheels(folder / "opt" / "venv")
    image.app.mkdir(parents=True)
    for text in stage.of("COPY"):
        source, target = text.split()
        if target.startswith("./"):
            copy(ROOT / source, image.app / target)
    for text in stage.of("RUN"):
        if "collectstatic" in text or "rm -rf" in text:
            done = subprocess.run(
                ["sh", "-euc", image.placed(text)],
                cwd=image.app,
                env={"PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
    environment = {
        name: image.placed(value).replace("$PATH", os.environ["PATH"])
        for name, value in final.environment.items()
    }
    return Image(folder, environment)


def copy(source: Path, target: Path) -> None:
    """As COPY does, without what .dockerignore keeps out."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target = target / source.name if target.is_dir() else target
        shutil.copy(source, target)


def unpack_wheels(venv: Path) -> None:
    """An environment with the packages of requirements.txt and no others, by hard links."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (target,) = venv.glob("lib/python*/site-packages")
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.M)
    tops: set[str] = set()
    for name in pinned:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # for other systems
            for file in importlib.metadata.files(name) or ():
                if file.parts[0] == "..":
                    script(Path(str(file.locate())), venv)
                else:
                    tops.add(file.parts[0])
    places = [str(SITE_PACKAGES / top) for top in sorted(tops) if (SITE_PACKAGES / top).exists()]
    subprocess.run(["cp", "-al", *places, str(target)], check=True)


def script(source: Path, venv: Path) -> None:
    """A command of a package, with the interpreter of `venv`."""
    if source.is_file() and source.parent.name == "bin":
        lines = source.read_bytes().splitlines(keepends=True)
        if lines[0].startswith(b"#!"):
            lines[0] = f"#!{venv}/bin/python\n".encode()
        made = venv / "bin" / source.name
        made.write_bytes(b"".join(lines))
        made.chmod(0o755)


@dataclass
class Container:
    """One process and its children; `log` is what they print."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    check: list[str]
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def output(self) -> list[str]:
        """What it has printed until now."""
        return self.log.read_text(errors="replace").splitlines()

    def start(self) -> "Container":
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def is_well(self) -> bool:
        """What the service's own check of health says, asked as Docker asks."""
        done = subprocess.run(
            self.check, cwd=self.folder, env=dict(self.environment), capture_output=True, check=False
        )
        return done.returncode == 0

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Ends every process of it at once, as when its machine goes away."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


@dataclass
class Host:
    """Starts the containers of docker-compose.yml. `instead` has what stands for a text of theirs."""

    image: Image
    variables: Mapping[str, str]
    instead: Mapping[str, str]
    running: list[Container] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.services: dict[str, Any] = compose.services(self.variables)

    def up(
        self,
        service: str,
        *,
        instead: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Container:
        """Starts one container of a service, with substitutes and variables of its own besides."""
        one = self.services[service]
        ours = "build" in one

        name = f"{len(self.running)}-{service}"
        # Each has a /tmp of its own.
        own = {"/tmp/alive": str(self.image.folder / f"{name}.alive")}  # noqa: S108

        def placed(text: str) -> str:
            for said, meant in {**self.instead, **own, **(instead or {})}.items():
                text = text.replace(said, meant)
            return self.image.placed(text) if ours else text

        inherited = {
            name: value
            for name, value in os.environ.items()
            if name == "PATH" or name.startswith("TIMONEIRO_")
        }
        told = {name: placed(str(value)) for name, value in one.get("environment", {}).items()}
        container = Container(
            service,
            [placed(part) for part in one["command"]],
            {**inherited, **(self.image.environment if ours else {}), **told, **(environment or {})},
            self.image.app if ours else self.image.folder,
            self.image.folder / f"{name}.log",
            [placed(part) for part in one.get("healthcheck", {}).get("test", ())[1:]],
        )
        self.running.append(container)
        return container.start()

    def down(self) -> None:
        """Ends whatever still runs, last first."""
        for container in reversed(self.running):
            container.kill()
