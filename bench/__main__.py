"""`./dev bench [NAME ...]`: those measurements; without names, all but the long ones: usage, churn, fuzz."""

import sys
from collections.abc import Callable

from bench import churn, cluster, fuzz, logs, pages, usage, wishes

BENCHES: dict[str, Callable[[], None]] = {
    "pages": pages.main,
    "wishes": wishes.main,
    "cluster": cluster.main,
    "logs": logs.main,
    "usage": usage.main,
    "churn": churn.main,
    "fuzz": fuzz.main,
}


LONG = {"usage", "churn", "fuzz"}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"bench: no {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names or [name for name in BENCHES if name not in LONG]:
        print(f"== {name}", flush=True)
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
