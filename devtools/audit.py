"""`./dev audit`: asks an advisory database about every pinned package. Needs a network.

Apart from `./dev check`, which says the same with and without one, today and tomorrow.
"""

import subprocess
import sys

from devtools.pins import FILES, ROOT

UV = ROOT / ".venv" / "bin" / "uv"
AUDIT = ("tool", "run", "--from", "pip-audit==2.9.0", "pip-audit", "--disable-pip", "--require-hashes")


def main() -> int:
    """Prints the advisories; 1 when there are any, or when nobody could be asked."""
    codes = []
    for name in FILES:
        print(f"== {name}", flush=True)
        # By the hashed file, not by what happens to be installed.
        codes.append(subprocess.run([str(UV), *AUDIT, "-r", str(ROOT / name)], check=False).returncode)
    if any(codes):
        print("Read above: there are advisories, or the database could not be asked.", file=sys.stderr)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
