"""What the product asks of clusters is held to what it says it needs."""

import json
from collections.abc import Sequence
from pathlib import Path

from devtools import rights
from k8s.permissions import NEEDS

ALL = [(need.who, need.group, need.resource, verb) for need in NEEDS for verb in need.verbs]


def written(folder: Path, asked: Sequence[tuple[str, str, str, str]]) -> Path:
    """A log in which these were asked for, and other things by others."""
    folder.mkdir(exist_ok=True)
    lines = [
        {"agent": "kubectl/v1.37", "group": "", "resource": "nodes", "subresource": "", "verb": "delete"}
    ]
    for who, group, resource, verb in asked:
        plural, _, sub = resource.partition("/")
        agent = f"timoneiro/{who}"
        line = {"agent": agent, "group": group, "resource": plural, "subresource": sub, "verb": verb}
        lines.append(line)
    (folder / f"{len(lines)}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_all_that_is_needed_and_no_more_is_right(tmp_path: Path) -> None:
    written(tmp_path, ALL[:5])
    assert rights.differences(written(tmp_path, ALL[5:])) == []


def test_what_nobody_asks_for_and_what_nobody_declared_is_named(tmp_path: Path) -> None:
    asked = [*ALL[1:], ("worker", "apps", "statefulsets/scale", "patch")]
    assert rights.differences(written(tmp_path, asked)) == [
        "asked for without saying so: worker: patch statefulsets.apps/scale",
        f"said to be needed, and never asked for: {rights.words(ALL[0])}",
    ]
