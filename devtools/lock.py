"""`./dev lock`: compile what we ask for (*.in) to what is installed (*.txt: exact versions with hashes).

The files name no registry, so they install from whichever one a machine is set up for.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In this order: the development file is constrained by the runtime one.
NAMES = ("requirements-uv", "requirements", "requirements-dev")


def main(arguments: list[str]) -> int:
    """Compile every file; extra arguments go to `uv pip compile` (`--upgrade`, `--upgrade-package X`)."""
    for name in NAMES:
        command = [
            *(str(ROOT / ".venv" / "bin" / "uv"), "pip", "compile", "--quiet"),
            *("--universal", "--python-version", "3.11", "--generate-hashes"),
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
            *(f"{name}.in", "--output-file", f"{name}.txt", *arguments),
        ]
        environment = {**os.environ, "UV_SYSTEM_CERTS": "1"}
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            return 1
        print(f"{name}.txt: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
