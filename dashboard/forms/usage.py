"""What /usage/ shows, read from its address so that a view can be sent in a chat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

from django.http import QueryDict

from dashboard.charting import WINDOWS
from deployments.models import Cluster
from deployments.selectors.usage.deployments import SORTS
from deployments.selectors.usage.shapes import Window
from teams.models import Team

GROUPS = {"deployments": "Deployments", "models": "Models"}


def window_of(data: QueryDict) -> Window:
    """The window of a chart; a day when the address names none."""
    asked = data.get("window", "")
    return cast("Window", asked if asked in WINDOWS else "24h")


@dataclass(frozen=True)
class UsageFilters:
    """Cluster (the first unless named), team (None: all of mine), window, what the table lists, its sort.

    `node` is the one whose pods are listed, "" for none.
    """

    cluster: Cluster | None
    team: Team | None
    window: Window
    by: str
    sort: str
    node: str

    @classmethod
    def of(cls, data: QueryDict, clusters: Sequence[Cluster], teams: Sequence[Team]) -> Self:
        """The filters of an address; what is unknown in it is as good as absent."""
        sort = data.get("sort", "-cost")
        by = data.get("by", "deployments")
        first = clusters[0] if clusters else None
        return cls(
            cluster=next((one for one in clusters if one.name == data.get("cluster")), first),
            team=next((one for one in teams if one.name == data.get("team")), None),
            window=window_of(data),
            by=by if by in GROUPS else "deployments",
            sort=sort if sort.removeprefix("-") in SORTS else "-cost",
            node=data.get("node", "")[:253],
        )
