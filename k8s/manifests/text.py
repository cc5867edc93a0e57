"""Objects as people read them."""

import difflib
from collections.abc import Sequence

import yaml

from k8s.cluster import Manifest


def to_yaml(manifests: Sequence[Manifest]) -> str:
    """The objects as people write them, for `kubectl apply -f`."""
    return yaml.dump_all(
        manifests, Dumper=_Dumper, sort_keys=False, explicit_start=len(manifests) > 1, width=110
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
    """Lists indented under their key, as Kubernetes' own documentation writes them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True
