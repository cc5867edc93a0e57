"""The Dockerfile, taken apart."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stage:
    """From one FROM to the next: (instruction, its text) in order."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]

    @property
    def environment(self) -> dict[str, str]:
        """What its ENV lines set."""
        return dict(pair.split("=", 1) for text in self.of("ENV") for pair in shlex.split(text))


def read() -> tuple[dict[str, str], list[Stage]]:
    """Its arguments with their defaults, and its stages with arguments filled in."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in joined.splitlines():
        name, _, rest = line.partition(" ")
        rest = " ".join(rest.split())
        if name == "ARG":
            key, _, value = rest.partition("=")
            arguments[key] = value
        elif name == "FROM":
            stages.append(Stage(re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], rest)))
        else:
            stages[-1].steps.append((name, rest))
    return arguments, stages
