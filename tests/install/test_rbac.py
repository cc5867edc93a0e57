"""Who may ask the cluster for what: as k8s/permissions.py says for each, and no more."""

from typing import Any

import pytest

from devtools.roles import TARGET, files
from k8s.permissions import NEEDS
from tests.install.test_kubernetes import OVERLAYS, built, of_kind

Right = tuple[str, str, str]

NEEDED = {
    who: {(need.group, need.resource, verb) for need in NEEDS if need.who == who for verb in need.verbs}
    for who in ("worker", "observer")
}
EVERYWHERE = {(need.group, need.resource, verb) for need in NEEDS if need.everywhere for verb in need.verbs}


def granted(objects: list[dict[str, Any]], kind: str) -> dict[str, set[Right]]:
    """(group, resource, verb) by service account, of all Roles or ClusterRoles that are bound."""
    rules = {one["metadata"]["name"]: one["rules"] for one in of_kind(objects, kind)}
    found: dict[str, set[Right]] = {}
    for binding in of_kind(objects, f"{kind}Binding"):
        assert binding["roleRef"]["kind"] == kind
        for subject in binding["subjects"]:
            assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", "timoneiro")
            found.setdefault(subject["name"], set()).update(
                (group, resource, verb)
                for rule in rules[binding["roleRef"]["name"]]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
            )
    return found


def test_the_files_are_those_that_the_table_makes() -> None:
    for name, text in files().items():
        assert (TARGET / name).read_text() == text, "run .venv/bin/python -m devtools.roles"


@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "namespaced"])
def test_with_the_whole_cluster_each_has_what_it_needs_and_no_more(overlay: str) -> None:
    objects = built(f"overlays/{overlay}")
    assert granted(objects, "ClusterRole") == {
        "timoneiro-worker": NEEDED["worker"],
        "timoneiro-observer": NEEDED["observer"],
    }
    assert granted(objects, "Role") == {}


def test_kept_to_namespaces_workers_have_no_right_in_the_cluster_as_a_whole() -> None:
    cluster, team = granted(built("overlays/namespaced"), "ClusterRole"), granted(built("rbac/team"), "Role")
    assert set(cluster) == {"timoneiro-observer"}
    assert team["timoneiro-worker"] == NEEDED["worker"] - EVERYWHERE
    assert cluster["timoneiro-observer"] | team["timoneiro-observer"] == NEEDED["observer"]
    assert not cluster["timoneiro-observer"] & team["timoneiro-observer"]


def test_the_observer_reads_and_writes_nothing() -> None:
    assert {verb for _, _, verb in NEEDED["observer"]} == {"get", "list", "watch"}
    assert not any(resource.startswith("secrets") for _, resource, _ in NEEDED["observer"])


def test_nothing_is_granted_by_a_star() -> None:
    assert not any("*" in text for text in files().values())
