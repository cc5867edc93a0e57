"""What was looked at, and what was found."""

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["problem", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: what, why it matters, and what to do.

    `code` stays the same between versions. A `problem` has to be mended; a `warning` may be meant so.
    """

    code: str
    severity: Severity
    what: str
    why: str
    remedy: str


@dataclass(slots=True)
class Area:
    """One thing that was looked at. `notes` say what was seen, also when all is well."""

    name: str
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def problem(self, code: str, what: str, *, why: str, remedy: str) -> None:
        self.findings.append(Finding(code, "problem", what, why, remedy))

    def warning(self, code: str, what: str, *, why: str, remedy: str) -> None:
        self.findings.append(Finding(code, "warning", what, why, remedy))

    @property
    def has_problems(self) -> bool:
        return any(finding.severity == "problem" for finding in self.findings)

    def has(self, code: str) -> bool:
        return any(finding.code == code for finding in self.findings)
