"""The filters of the deployments list, read from the address so that a view can be sent in a chat."""

from dataclasses import dataclass
from typing import Self

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import QueryDict

from deployments.models import Deployment, State
from deployments.selectors.status import with_shown_state

# What is broken comes first.
URGENCY = (
    State.FAILED,
    State.DEGRADED,
    State.UNKNOWN,
    State.DEPLOYING,
    State.PENDING,
    State.DELETING,
    State.RUNNING,
    State.PAUSED,
    State.DELETED,
)
SORTS = {
    "name": ("name", "team__name", "pk"),
    "state": ("urgency", "name", "pk"),
    "model": ("version__model__name", "version__version", "name", "pk"),
    "ready": ("ready_replicas", "replicas", "name", "pk"),
    "created": ("created_at", "pk"),
    "team": ("team__name", "name", "pk"),
}
STATES = [word for word in State.values if word != State.DELETED]


def by_urgency() -> Case:
    """A number to sort by: what needs a person first. The rows carry `shown_state`."""
    ranks = [When(shown_state=word, then=Value(rank)) for rank, word in enumerate(URGENCY)]
    return Case(*ranks, default=Value(len(URGENCY)), output_field=IntegerField())


@dataclass(frozen=True)
class ListFilters:
    """Search text, status word ("deleted" lists the history), model, team, sort."""

    q: str = ""
    state: str = ""
    model: str = ""
    team: str = ""
    sort: str = "name"

    @classmethod
    def of(cls, data: QueryDict) -> Self:
        """The filters of an address; what is unknown in it is as good as absent."""
        state = data.get("state", "")
        sort = data.get("sort", "name")
        return cls(
            q=data.get("q", "").strip()[:100],
            state=state if state in State.values else "",
            model=data.get("model", "")[:100],
            team=data.get("team", "")[:60],
            sort=sort if sort.removeprefix("-") in SORTS else "name",
        )

    def apply(self, rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
        if self.state:
            rows = with_shown_state(rows).filter(shown_state=self.state)
        elif self.sort.removeprefix("-") == "state":
            rows = with_shown_state(rows)
        if self.q:
            rows = rows.filter(
                Q(name__icontains=self.q)
                | Q(version__model__name__icontains=self.q)
                | Q(version__version__icontains=self.q)
                | Q(version__image__icontains=self.q)
            )
        if self.model:
            rows = rows.filter(version__model__name=self.model)
        if self.team:
            rows = rows.filter(team__name=self.team)
        return self.order(rows)

    def order(self, rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
        descending = self.sort.startswith("-")
        first, *rest = SORTS[self.sort.removeprefix("-")]
        if first == "urgency":
            rows = rows.annotate(urgency=by_urgency())
        return rows.order_by(f"-{first}" if descending else first, *rest)

    @property
    def active(self) -> bool:
        """Whether the list is narrower than everything that is live."""
        return bool(self.q or self.state or self.model or self.team)
