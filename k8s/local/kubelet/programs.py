"""From a container's spec and its image to the program that is really started.

An image's own program may be started with other arguments. Another ``command`` is honoured only for a few
harmless system programs: whoever may create pods here must not get a shell of whoever runs the cluster.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from k8s.local.kubelet.environment import ConfigError, expand
from k8s.local.kubelet.images import Image
from k8s.local.store import Object

HARMLESS: Final = ("sleep", "true", "false", "echo")
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CREATE_FAILED: Final = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)


class CannotStart(Exception):
    """The program does not exist in the image; the text is a container runtime's."""


def arguments(container: Object, image: Image, interpreter: str, environment: dict[str, str]) -> list[str]:
    """The command line to start.

    Raises:
        CannotStart: the spec asks for a program that the image does not have.
    """
    extra = [expand(word, environment) for word in container.get("args") or ()]
    command = [expand(word, environment) for word in container.get("command") or ()]
    if not command:
        return [interpreter, *image.command[1:], *extra]
    return command_line(command + extra, image.command, interpreter)


def command_line(words: Sequence[str], own: Sequence[str], interpreter: str) -> list[str]:
    """A command inside a container as one on this machine.

    Raises:
        CannotStart: it is neither the image's own program nor a harmless one.
    """
    if list(words[1 : len(own)]) == list(own[1:]) and Path(words[0]).name in (own[0], "python"):
        return [interpreter, *words[1:]]
    name = words[0].rpartition("/")[2]
    allowed = name in HARMLESS and words[0] in (name, f"/bin/{name}", f"/usr/bin/{name}")
    found = shutil.which(name, path=SYSTEM_PATH) if allowed else None
    if found is None:
        missing = (
            f"stat {words[0]}: no such file or directory"
            if "/" in words[0]
            else "executable file not found in $PATH"
        )
        raise CannotStart(f'{_CREATE_FAILED}exec: "{words[0]}": {missing}: unknown')
    return [found, *words[1:]]


def wanted_user(pod: Object, container: Object, image: Image) -> int:
    """The user id that the container asks for; 0 is root (which it never gets here).

    Raises:
        ConfigError: root, although the spec says not root.
    """
    of_pod = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}
    asked = own.get("runAsUser", of_pod.get("runAsUser"))
    user = image.user if asked is None else int(asked)
    if user == 0 and own.get("runAsNonRoot", of_pod.get("runAsNonRoot")):
        meta = pod["metadata"]
        where = f'(pod: "{meta["name"]}_{meta["namespace"]}({meta["uid"]})", container: {container["name"]})'
        if asked is None:
            raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    return user


def base_environment(pod: Object, image: Image, *, image_folder: Path, home: Path) -> dict[str, str]:
    """What every container gets; nothing of our own environment is passed on."""
    return {
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "HOSTNAME": pod["metadata"]["name"],
        "PYTHONPATH": str(image_folder),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **image.environment,
    }


def with_mounts(environment: dict[str, str], mounts: dict[str, Path]) -> dict[str, str]:
    """Values that name a path under a mount, changed to where that volume really is.

    Processes share this machine's file system, so this is how a program finds its volumes
    (``HOME=/tmp`` with an emptyDir at /tmp, for instance).
    """

    def moved(value: str) -> str:
        for mount, folder in sorted(mounts.items(), key=lambda entry: -len(entry[0])):
            if value == mount or value.startswith(mount.rstrip("/") + "/"):
                return str(folder) + value[len(mount.rstrip("/")) :]
        return value

    return {name: moved(value) for name, value in environment.items()}
