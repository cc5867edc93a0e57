"""Compare the vendored front-end files with their manifest: nothing edited by hand, nothing unlisted."""

import hashlib
import json
import sys
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
# Not served as it is: devtools/tabler.py makes of it what pages use.
WHOLE = Path(__file__).resolve().parent / "whole"
# Written by devtools/vendor.py itself, and by devtools/tabler.py.
OURS = {"manifest.json", "inter/inter.css", "tabler/tabler.min.css"}


def place(kept: str) -> Path:
    """Where a file of the manifest is: below static/vendor, or below devtools as "whole/..."."""
    return WHOLE.parent / kept if kept.startswith("whole/") else VENDOR / kept


def main() -> int:
    """Print each difference; 1 when there is one."""
    packages = json.loads((VENDOR / "manifest.json").read_text())
    listed = {file: digest for package in packages for file, digest in package["sha256"].items()}
    there = {str(file.relative_to(VENDOR)) for file in VENDOR.rglob("*") if file.is_file()} - OURS
    there |= {str(file.relative_to(WHOLE.parent)) for file in WHOLE.rglob("*") if file.is_file()}
    wrong = [f"not in the manifest: {file}" for file in sorted(there - listed.keys())]
    wrong += [f"missing: {file}" for file in sorted(listed.keys() - there)]
    for file in sorted(there & listed.keys()):
        if hashlib.sha256(place(file).read_bytes()).hexdigest() != listed[file]:
            wrong.append(f"changed: {file}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
