"""What a worker found when it looked at a cluster. Travels as JSON from worker to web."""

from dataclasses import dataclass
from itertools import islice
from typing import Literal

import msgspec

from k8s.permissions import NEEDS, Need, roles

Granted = Literal["cluster", "namespaces", "no", "unknown"]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One verb of a `Need`: granted in the whole cluster, in each of our namespaces, not, or not known."""

    verb: str
    granted: Granted


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """`grants` has an entry for each verb of each row of `k8s.permissions.NEEDS`, in their order."""

    version: str
    grants: tuple[Grant, ...]

    @property
    def lines(self) -> list["Line"]:
        grants = iter(self.grants)
        return [Line(need, tuple(islice(grants, len(need.verbs)))) for need in NEEDS]

    @property
    def is_of_workers_alone(self) -> bool:
        """Whether nobody could be asked about the observer."""
        return any(line.unknown for line in self.lines)

    @property
    def missing(self) -> list[Need]:
        """What is not granted, each with only the verbs that are missing."""
        return [line.lacking for line in self.lines if line.lacking.verbs]

    @property
    def snippet(self) -> str:
        """YAML that grants what is missing; "" when nothing is."""
        return roles(self.missing, name="timoneiro-missing")


@dataclass(frozen=True, slots=True)
class Line:
    need: Need
    grants: tuple[Grant, ...]

    @property
    def granted(self) -> list[str]:
        return [grant.verb for grant in self.grants if grant.granted == "cluster"]

    @property
    def within(self) -> list[str]:
        """Granted in each of our namespaces, and not in the whole cluster."""
        return [grant.verb for grant in self.grants if grant.granted == "namespaces"]

    @property
    def unknown(self) -> list[str]:
        """What another account than the one that asked has to be granted."""
        return [grant.verb for grant in self.grants if grant.granted == "unknown"]

    @property
    def lacking(self) -> Need:
        verbs = tuple(grant.verb for grant in self.grants if grant.granted == "no")
        need = self.need
        return Need(need.who, need.resource, verbs, need.why, need.group, need.everywhere)
