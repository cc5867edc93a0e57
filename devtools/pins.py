"""Whether every package that is installed is pinned to one version and to the hashes of its files.

What `./dev audit` asks an advisory database about is then what is installed, on every machine.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt")
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9.!+_-]+( ?;.*)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def main() -> int:
    """Prints what is wrong; the exit code."""
    problems = [f"{name}: {problem}" for name in FILES for problem in problems_of((ROOT / name).read_text())]
    print("\n".join(problems))
    return 1 if problems else 0


def problems_of(text: str) -> Iterator[str]:
    """What is wrong with a compiled file of requirements, in words."""
    without_comments = re.sub(r"(?m)^\s*#.*$|\s#.*$", "", text)
    for entry in filter(None, map(str.strip, without_comments.replace("\\\n", " ").splitlines())):
        pin, *hashes = re.split(r"\s+(?=--hash=)", entry)
        if not _PIN.fullmatch(pin.strip()):
            yield f"{pin[:60]!r} is no package with one version; options and addresses do not belong here"
        elif not hashes:
            yield f"{pin} has no hash"
        elif not all(_HASH.fullmatch(one.strip()) for one in hashes):
            yield f"{pin} has a hash that is no SHA-256"


if __name__ == "__main__":
    sys.exit(main())
