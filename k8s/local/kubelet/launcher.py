"""Becomes a container's program: gives up privileges, ties its life to the cluster's, then execs.

Run as a script (``python -I -S launcher.py CLUSTER_PID UID GID -- PROGRAM ARGUMENTS``); imports nothing of
the project, because it starts once for every container.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 4096
#: Before each of the container's variables, so that LD_PRELOAD and its like have no meaning before the exec.
HIDDEN = b"CONTAINER:"


def main() -> None:
    """Drop to UID:GID (-1 keeps them) and exec; exits with 128 when that cannot be done."""
    cluster_pid, uid, gid = (int(text) for text in sys.argv[1:4])
    program = sys.argv[5:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid: changing the user clears the death signal.
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != cluster_pid:  # it died before the signal was armed
            sys.exit(137)
    try:
        os.execve(program[0], program, container_environment())  # noqa: S606
    except OSError as problem:
        print(f"cannot run {program[0]}: {problem}", file=sys.stderr)
        sys.exit(128)


def container_environment() -> dict[bytes, bytes]:
    """The variables that are meant for the program, and no others."""
    return {
        name.removeprefix(HIDDEN): value for name, value in os.environb.items() if name.startswith(HIDDEN)
    }


main()
