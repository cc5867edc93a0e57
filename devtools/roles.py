"""Writes k8s/install/rbac/ from k8s/permissions.py: what workers and the observer may ask a cluster for.

Two ways to install, of which an overlay takes one. With `cluster`, workers may write in every namespace and
make those of new teams. With `namespaced`, workers may write in no namespace at all until `team` has been
applied to it; the observer then follows logs there alone. What it watches it watches everywhere in
both, because a watch is one stream over all namespaces, and room on a node is what everybody's pods leave.

`.venv/bin/python -m devtools.roles` writes the files.
"""

from pathlib import Path
from typing import Any, Final

import yaml

from k8s.permissions import NEEDS, Need, Who, rules

TARGET: Final = Path(__file__).resolve().parents[1] / "k8s" / "install" / "rbac"
NAMESPACE: Final = "timoneiro"
_API: Final = "rbac.authorization.k8s.io"
_NOTICE: Final = (
    "# Written by `.venv/bin/python -m devtools.roles` from k8s/permissions.py, which says why of each.\n"
)


def files() -> dict[str, str]:
    """The text of each file, by its name below `TARGET`."""
    worker = [need for need in NEEDS if need.who == "worker"]
    observer = [need for need in NEEDS if need.who == "observer"]
    watched = [need for need in observer if _is_watched(need)]
    within = [need for need in worker if not need.everywhere]
    followed = [need for need in observer if not _is_watched(need)]
    return {
        "cluster/roles.yaml": _text([*_cluster_wide("worker", worker), *_cluster_wide("observer", observer)]),
        "namespaced/roles.yaml": _text(_cluster_wide("observer", watched)),
        "team/roles.yaml": _text([*_in_namespace("worker", within), *_in_namespace("observer", followed)]),
    }


def _is_watched(need: Need) -> bool:
    """Whether it is asked for over all namespaces at once."""
    return "list" in need.verbs


def _cluster_wide(who: Who, needs: list[Need]) -> list[dict[str, Any]]:
    return [_role("ClusterRole", who, needs), _binding("ClusterRole", who)]


def _in_namespace(who: Who, needs: list[Need]) -> list[dict[str, Any]]:
    return [_role("Role", who, needs), _binding("Role", who)]


def _role(kind: str, who: Who, needs: list[Need]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_API}/v1",
        "kind": kind,
        "metadata": {"name": f"timoneiro-{who}"},
        "rules": rules(needs),
    }


def _binding(kind: str, who: Who) -> dict[str, Any]:
    name = f"timoneiro-{who}"
    return {
        "apiVersion": f"{_API}/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _API, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
    }


def _text(objects: list[dict[str, Any]]) -> str:
    return _NOTICE + yaml.safe_dump_all(objects, sort_keys=False)


def main() -> None:
    """Write the files."""
    for name, text in files().items():
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        (TARGET / name).write_text(text)


if __name__ == "__main__":
    main()
