"""`manage.py doctor`: what is wrong with this installation, why it matters, and what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deployments.doctor import Area, examine

_INDENT = " " * 9


class Command(BaseCommand):
    help = (
        "Look at the installation, and say of each thing that is wrong why it matters and what to do. "
        "Changes nothing. Run it where a worker runs: it asks the clusters. Exit code 1 with a problem."
    )
    # It is for when they fail.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
        parser.add_argument("--url", default="", help="where people open it, to look at it through the proxy")
        parser.add_argument(
            "--as",
            dest="who",
            choices=("worker", "observer"),
            default="worker",
            help="in a cluster's own pods: whose pod this is",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        areas = examine(who=options["who"], url=options["url"])
        healthy = not any(area.has_problems for area in areas)
        if options["json"]:
            told = {"healthy": healthy, "areas": [asdict(area) for area in areas]}
            self.stdout.write(json.dumps(told, indent=2))
        else:
            self._tell(areas, healthy=healthy)
        if not healthy:
            raise SystemExit(1)

    def _tell(self, areas: Sequence[Area], *, healthy: bool) -> None:
        for area in areas:
            mark = "PROBLEM" if area.has_problems else "warning" if area.findings else "ok"
            self.stdout.write(f"{mark:<8} {area.name}: {'; '.join(area.notes) or 'see below'}")
            for finding in area.findings:
                self.stdout.write(f"{_INDENT}{finding.severity}: {finding.what} [{finding.code}]")
                self.stdout.write(f"{_INDENT}  why: {finding.why}")
                self.stdout.write(f"{_INDENT}  do:  {indented(finding.remedy)}")
        count = sum(len(area.findings) for area in areas)
        self.stdout.write("All is well." if not count else f"Findings: {count}{', no problem' * healthy}.")


def indented(text: str) -> str:
    """A remedy may be a file to apply: its lines stay below each other."""
    return text.replace("\n", f"\n{_INDENT}       ")
