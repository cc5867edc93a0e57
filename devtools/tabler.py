"""Tabler, as much of it as pages use: `.venv/bin/python -m devtools.tabler` writes it below static/vendor.

The whole of it (devtools/whole, from npm) is 635 kB of rules, which each page would fetch and a slow laptop
read. A selector is left out if it names a class that is written in no template, no script and not in
dashboard/. With `--check`, say whether what pages use by now is there.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
WHOLE = ROOT / "devtools" / "whole" / "tabler.min.css"
TARGET = ROOT / "static" / "vendor" / "tabler" / "tabler.min.css"
COMMAND = ".venv/bin/python -m devtools.tabler"
_NAMED_IN: Final = {"templates": "*.html", "static/js": "*.js", "dashboard": "*.py"}
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
_CLASS: Final = re.compile(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)")
_ATTRIBUTE: Final = re.compile(r"\[[^\]]*\]")
_NOT: Final = re.compile(r":not\([^()]*\)")
# Of these one of several may be meant: such a selector stays.
_ALTERNATIVES: Final = (":is(", ":where(", ":has(")
_GROUPS: Final = ("@media", "@supports", "@layer", "@container")


def words() -> set[str]:
    """Whatever may be the name of a class; one that ends in "-" is the beginning of names."""
    return {
        word
        for folder, pattern in _NAMED_IN.items()
        for file in (ROOT / folder).rglob(pattern)
        for word in _WORD.findall(file.read_text())
    }


def trimmed(css: str, names: set[str]) -> str:
    """The rules of which at least one selector can match, with those selectors."""
    beginnings = tuple(name for name in names if re.fullmatch(r"[a-z][a-z0-9_-]*-", name))

    def is_named(name: str) -> bool:
        return name in names or name.startswith(beginnings)

    def rules(text: str) -> Iterator[str]:
        for prelude, body in blocks(text):
            if body is None:
                yield prelude
            elif prelude.strip().startswith(_GROUPS):
                inner = "".join(rules(body))
                if inner:
                    yield f"{prelude}{{{inner}}}"
            elif prelude.strip().startswith("@"):
                yield f"{prelude}{{{body}}}"
            else:
                kept = [one for one in selectors(prelude) if all(map(is_named, demanded(one)))]
                if kept:
                    yield f"{','.join(kept)}{{{body}}}"

    return "".join(rules(css))


def demanded(selector: str) -> set[str]:
    """The classes without which it matches nothing."""
    if any(word in selector for word in _ALTERNATIVES):
        return set()
    return {name.replace("\\", "") for name in _CLASS.findall(_ATTRIBUTE.sub("", _NOT.sub("", selector)))}


def selectors(prelude: str) -> list[str]:
    """What commas separate that are in no bracket."""
    found, depth = [""], 0
    for character in prelude:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return found


def blocks(text: str) -> Iterator[tuple[str, str | None]]:
    """Each rule of a stylesheet: what is before its braces and what is in them; None where it has none.

    Comments are told apart: their words are no classes.
    """
    at = 0
    while at < len(text):
        opening, semicolon = text.find("{", at), text.find(";", at)
        if text.startswith("/*", at):
            end = text.index("*/", at) + 2
            yield text[at:end], None
        elif opening < 0 or 0 <= semicolon < opening:
            end = len(text) if opening < 0 else semicolon + 1
            yield text[at:end], None
        else:
            end = closing_brace(text, opening)
            yield text[at:opening], text[opening + 1 : end - 1]
        at = end


def closing_brace(text: str, opening: int) -> int:
    """Where the block that opens there is over. Texts in quotes may hold braces."""
    depth = 0
    for found in re.compile(r"""[{}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""").finditer(text, opening):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    raise ValueError("a block does not end")


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` compare; the exit code."""
    whole, names = WHOLE.read_text(), words()
    if "--check" not in arguments:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(trimmed(whole, names))
        return 0
    there = TARGET.read_text()
    # What is no longer used may stay until the next time.
    kept = {name for prelude in re.findall(r"[^{}]+\{", there) for name in demanded(prelude)}
    if trimmed(whole, names | kept) == there:
        return 0
    print(f"{TARGET.relative_to(ROOT)} lacks what pages use: {COMMAND}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
