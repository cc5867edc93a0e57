"""What the doctor finds when it looks at one thing."""

from collections.abc import Callable

from deployments.doctor import Area, Finding


def found_by(look: Callable[[Area], None]) -> dict[str, Finding]:
    area = Area("looked at")
    look(area)
    return {finding.code: finding for finding in area.findings}


def named(finding: Finding, what: str, remedy: str) -> bool:
    """Whether the fault and its remedy are in the finding's words, and it says why it matters."""
    assert what in finding.what, finding
    assert remedy in finding.remedy, finding
    return bool(finding.why)
