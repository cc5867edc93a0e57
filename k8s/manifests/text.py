"""Objects as people read them."""

import difflib
import unicodedata
from collections.abc import Sequence
from typing import Any

import yaml

from k8s.cluster import Manifest


def to_yaml(manifests: Sequence[Manifest]) -> str:
    """The objects as people write them, for `kubectl apply -f`."""
    return yaml.dump_all(
        manifests,
        Dumper=_Dumper,
        sort_keys=False,
        explicit_start=len(manifests) > 1,
        width=110,
        allow_unicode=True,
    )


def diff(
    old: Sequence[Manifest], new: Sequence[Manifest], *, names: tuple[str, str] = ("now", "then")
) -> str:
    """A unified diff of the YAML of two lists of objects; `names` head it. "" where nothing differs."""
    lines = difflib.unified_diff(_lines(old), _lines(new), *names, lineterm="")
    return "\n".join(lines)


def _lines(manifests: Sequence[Manifest]) -> list[str]:
    # Each with its separator: one object more must not change the first line.
    return [line for each in manifests for line in ("---", *to_yaml([each]).splitlines())]


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, as Kubernetes' own documentation writes them; nothing by reference.

    Letters of any language are written as they are. A text with characters that hide or turn
    around what is beside them is written with escapes: what is read is what is applied.
    """

    allow_unicode: bool

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        self.allow_unicode = not _misleads(scalar)
        return super().analyze_scalar(scalar)

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        self.allow_unicode = not _misleads(text)
        super().write_double_quoted(text, split)


def _misleads(text: str) -> bool:
    """Whether a text has control or formatting characters, such as the marks of direction."""
    return any(unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp") for each in text if each != "\n")
