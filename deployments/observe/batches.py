"""What was seen since the last write, reduced to the newest word about each object."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from k8s.facts import Facts
from k8s.watch import Changed, Gone, Listed, Seen

Word = tuple[str, Seen]
"""A kind and what was seen of it."""

Item = TypeVar("Item")


@dataclass(slots=True)
class KindBatch:
    """Of one kind: newest facts by uid; uids that are gone, with their place.

    `complete` says that `changed` is all there is: whatever else we know of is gone.
    """

    changed: dict[str, Facts] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    complete: bool = False

    def add(self, seen: Seen) -> None:
        if isinstance(seen, Listed):
            self.changed = {facts.uid: facts for facts in seen.facts}
            self.gone, self.complete = {}, True
        elif isinstance(seen, Changed):
            self.changed[seen.facts.uid] = seen.facts
            self.gone.pop(seen.facts.uid, None)
        elif isinstance(seen, Gone):
            self.changed.pop(seen.uid, None)
            self.gone[seen.uid] = seen


def reduce_words(words: Iterable[Word]) -> dict[str, KindBatch]:
    """By kind; later words win over earlier ones."""
    kinds: dict[str, KindBatch] = {}
    for kind, seen in words:
        kinds.setdefault(kind, KindBatch()).add(seen)
    return kinds


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The same items, at most `size` at a time."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
