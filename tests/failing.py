"""Which tests failed, kept for whoever started the run: it says so last, where everybody looks."""

from pathlib import Path

import pytest


class Failing:
    """Appends each failure to `file`, once: `ID  what it said`. For the process that all others report to."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._told: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.failed or report.nodeid in self._told:
            return
        self._told.add(report.nodeid)
        with self._file.open("a") as told:
            told.write(f"{report.nodeid}  {said_by(report)}\n")


def said_by(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The first line of what went wrong, as far as it fits."""
    crash = getattr(report.longrepr, "reprcrash", None)
    said = crash.message if crash is not None else str(report.longrepr or "")
    lines = said.strip().splitlines()
    # Without a traceback of ours, as where a module cannot be imported, the last line says it.
    line = (lines[0] if crash is not None else lines[-1]) if lines else ""
    return line.strip()[:150]
