"""SECURITY.md promises tests by name: they are there, and no line goes without one."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def lines_of_the_checklist() -> list[str]:
    """The rows of its tables, without their heads."""
    text = (ROOT / "SECURITY.md").read_text().partition("## The review checklist")[2]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if not row.startswith(("| attack ", "|---"))]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_attack_has_a_test_that_is_there() -> None:
    rows = lines_of_the_checklist()
    assert rows
    assert not [row for row in rows if not TEST.search(row)]
    named = [(path, name) for row in rows for path, name in TEST.findall(row)]
    assert not [
        (path, name) for path, name in named if not (ROOT / path).exists() or name not in names_in(path)
    ]
    assert sum(row.count("`tests/") for row in rows) == len(named)
