"""`./dev manage ...`, `./dev doctor`: a management command with the keys of the stack in DATA_DIR."""

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

from dashboard.supervisor import programs
from dashboard.supervisor.options import CannotStart, Options, keep_secrets, read_options


def main(arguments: list[str]) -> NoReturn:
    """Become `manage.py ARGUMENTS`."""
    try:
        options = read_options([], terminal=False)
    except CannotStart as reason:
        sys.exit(f"timoneiro: {reason}")
    options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings.local",
        **of_the_stack(options),
        **programs.base_environment(),
        "DATA_DIR": str(options.data_dir),
    }
    if arguments[:1] == ["doctor"] and "--url" not in arguments:
        # Which port the pages of this stack are at is known here alone.
        arguments = [*arguments, "--url", f"http://127.0.0.1:{environment['PORT']}"]
    command = [sys.executable, str(programs.ROOT / "manage.py"), *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606


def of_the_stack(options: Options) -> dict[str, str]:
    """What the running stack told its processes, or what it would tell them."""
    running: Path = options.data_dir / "run" / "environment"
    if running.exists():
        told: dict[str, str] = json.loads(running.read_text())
        return told
    keys = keep_secrets(options.data_dir)
    return dict(programs.DjangoPrograms(options, keys, options.redis_url).environment)


if __name__ == "__main__":
    main(sys.argv[1:])
