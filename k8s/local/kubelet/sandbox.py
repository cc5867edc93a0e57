"""Where pods live on this machine: their folders, addresses, users and the interpreter they run with."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

from k8s.local.store import Object

log = logging.getLogger(__name__)

NOBODY: Final = 65534
#: Each cluster on this machine takes one 127.N.0.0/16 of these for its pods.
POD_NETWORKS: Final = range(32, 96)
CLAIM_PORT: Final = 30399
#: What a shipped program needs of the interpreter it is run with.
INTERPRETER_CHECK: Final = (
    "import sys, http.server, json, logging, argparse; sys.exit(0 if sys.version_info >= (3, 10) else 1)"
)
SYSTEM_INTERPRETERS: Final = ("/usr/bin/python3", "/usr/local/bin/python3")


class PodAddresses:
    """Addresses for pods, unique on this machine while this object lives."""

    def __init__(self, preferred: int | None = None) -> None:
        self._claim, self.network = _claim_network(preferred)
        self._used: set[str] = set()
        self._next = 1

    def take(self) -> str:
        """An address nobody uses; freed ones come back as late as possible."""
        for _ in range(65_000):
            high, low = divmod(self._next, 254)
            self._next = self._next % 60_000 + 1
            address = f"127.{self.network}.{high}.{low + 1}"
            if address not in self._used:
                self._used.add(address)
                return address
        raise RuntimeError("no pod address is free")

    def keep(self, address: str) -> bool:
        """Take this very address; False when it is not one of ours or is in use."""
        if not address.startswith(f"127.{self.network}.") or address in self._used:
            return False
        self._used.add(address)
        return True

    def free(self, address: str) -> None:
        """The pod is gone."""
        self._used.discard(address)

    def close(self) -> None:
        """Let another cluster have the network."""
        self._claim.close()


def _claim_network(preferred: int | None) -> tuple[socket.socket, int]:
    numbers = random.sample(POD_NETWORKS, len(POD_NETWORKS))
    first = [preferred] if preferred is not None and preferred in POD_NETWORKS else []
    for number in first + numbers:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            # A bound port is a lock that the system releases however we end.
            claim.bind((f"127.{number}.255.254", CLAIM_PORT))
        except OSError:
            claim.close()
            continue
        return claim, number
    raise RuntimeError("no network is free for pods: too many local clusters, or no 127.0.0.0/8 here")


class Sandboxes:
    """Folders of pods and images, readable by the users that pods run as."""

    def __init__(self, data_dir: Path) -> None:
        self._marker = data_dir / "runtime"
        self._remove_earlier()
        self.root = self._choose(data_dir)
        (self.root / "images").mkdir(mode=0o711, exist_ok=True)
        (self.root / "pods").mkdir(mode=0o711, exist_ok=True)

    def _remove_earlier(self) -> None:
        with contextlib.suppress(OSError):
            earlier = Path(self._marker.read_text())
            if earlier.name.startswith(("local-cluster-", "run-")):
                shutil.rmtree(earlier, ignore_errors=True)

    def _choose(self, data_dir: Path) -> Path:
        inside = data_dir if os.geteuid() != 0 or _open_to_all(data_dir) else None
        # Root's data folder is often closed to the users that pods run as.
        root = Path(tempfile.mkdtemp(prefix="run-" if inside else "local-cluster-", dir=inside))
        root.chmod(0o711)
        self._marker.write_text(str(root))
        return root

    def image_folder(self, digest: str) -> Path:
        """Where an image is unpacked."""
        return self.root / "images" / digest.removeprefix("sha256:")[:24]

    def container_folder(self, pod: Object, container: str, user: int | None) -> Path:
        """A container's own working folder, made if need be."""
        return self._make(self.root / "pods" / pod["metadata"]["uid"] / "containers" / container, user)

    def volume_folder(self, pod: Object, volume: str, user: int | None) -> Path:
        """A volume's folder, made if need be; all containers of the pod may write there."""
        folder = self._make(self.root / "pods" / pod["metadata"]["uid"] / "volumes" / volume, user)
        folder.chmod(0o777)
        return folder

    def _make(self, folder: Path, user: int | None) -> Path:
        pod_folder = folder.parent.parent
        for part in (pod_folder, folder.parent):
            part.mkdir(mode=0o711, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            os.chown(folder, user, user)
        return folder

    def remove_pod(self, uid: str) -> None:
        """Delete what a pod wrote."""
        shutil.rmtree(self.root / "pods" / uid, ignore_errors=True)

    def close(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.root, ignore_errors=True)
        self._marker.unlink(missing_ok=True)


class Users:
    """As whom pods run, and with which Python. Call ``prepare`` first."""

    def __init__(self) -> None:
        self.interpreter = sys.executable
        self._unprivileged = False

    async def prepare(self) -> None:
        """As root, find an interpreter that others can use; without one, pods run as ourselves."""
        if os.geteuid() != 0:
            return
        for candidate in (sys.executable, *SYSTEM_INTERPRETERS):
            if await _works_for_nobody(candidate):
                self.interpreter, self._unprivileged = candidate, True
                return
        log.warning("no Python here can be run by an unprivileged user: pods run as root")

    def user_for(self, wanted: int) -> int | None:
        """The user id to run as, never root's; None keeps our own."""
        if not self._unprivileged:
            return None
        return wanted if wanted > 0 else NOBODY


async def _works_for_nobody(interpreter: str) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            interpreter,
            "-I",
            "-c",
            INTERPRETER_CHECK,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            env={},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    return await process.wait() == 0


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in [folder.resolve(), *folder.resolve().parents])
