"""Write docs/diagnoses.md from the product's own table: `.venv/bin/python -m devtools.diagnoses`."""

import re
from pathlib import Path

from k8s.diagnosis import WORDS, Text

TARGET = Path(__file__).resolve().parent.parent / "docs" / "diagnoses.md"
_INTRODUCTION = """# Diagnoses

What Timoneiro says when a deployment is not as it should be: what it is told from, the cause in one
sentence, the advice, and what one press (or one call of `fix/`) does about it. Beside them stand the
cluster's own words and the last lines of the log, verbatim. Words in angle brackets are filled in.

Several things may be true at once; the most telling is shown: first what the cluster refuses, then pods
that find no place, that do not start, that end, that do not answer, then the rollout as a whole. A fix is
offered only where one is safe: it makes a new revision, like a change by hand, and can be rolled back.

This page is written by `python -m devtools.diagnoses` from `k8s/diagnosis/words.py`, which has
every sentence in Brazilian Portuguese, too.

| code | told from | words | fix |
|---|---|---|---|
"""


def table() -> str:
    """The whole page."""
    rows = [
        f"| `{code}` | {_cell(words.facts)} | {_said(words.cause)} *{_said(words.advice)}* "
        f"| {_said(words.fix) if words.fix else ''} |\n"
        for code, words in WORDS.items()
    ]
    return _INTRODUCTION + "".join(rows)


def _said(text: Text) -> str:
    """English, with its places to be filled in as `<limit>`."""
    named = re.sub(r"\{(\w+?)(?:_en)?\}", lambda found: f"<{found[1].replace('_', ' ')}>", text.en)
    return _cell(named)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    TARGET.write_text(table())


if __name__ == "__main__":
    main()
