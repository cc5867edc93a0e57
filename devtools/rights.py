"""What the product asked clusters for while it was tested, against what it says it needs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from k8s.permissions import NEEDS, Who

LOGS: Final = "TIMONEIRO_AUDIT_LOGS"
"""The folder in which each local cluster keeps who asked it for what."""

Right = tuple[Who, str, str, str]
"""Who, API group, resource (with its subresource: "deployments/scale"), verb."""

WHO: Final[tuple[Who, ...]] = ("worker", "observer")


def differences(folder: Path) -> list[str]:
    """A line for each right that was asked for and is not in the table, and for each that nobody asked for.

    Whoever else asks (kubectl, tests, people) has another User-Agent, and is left out.
    """
    needed = {(need.who, need.group, need.resource, verb) for need in NEEDS for verb in need.verbs}
    used = set(asked_for(folder))
    missing = [f"asked for without saying so: {words(right)}" for right in sorted(used - needed)]
    return missing + [
        f"said to be needed, and never asked for: {words(right)}" for right in sorted(needed - used)
    ]


def asked_for(folder: Path) -> Iterator[Right]:
    """Each request of the product in the logs of `folder`."""
    for file in folder.iterdir():
        yield from asked_in(file)


def asked_in(file: Path) -> Iterator[Right]:
    """Each request of the product in one log."""
    for line in file.read_text().splitlines():
        asked = json.loads(line)
        resource = "/".join(filter(None, (asked["resource"], asked["subresource"])))
        for who in WHO:
            if asked["agent"] == f"timoneiro/{who}":
                yield who, asked["group"], resource, asked["verb"]


def words(right: Right) -> str:
    """As a person reads it: "worker: patch deployments.apps"."""
    who, group, resource, verb = right
    plural, slash, sub = resource.partition("/")
    return f"{who}: {verb} {plural}{'.' if group else ''}{group}{slash}{sub}"
