"""Rows of the table of deployments."""

from datetime import datetime
from typing import NamedTuple

from dashboard.templatetags.timoneiro import elapsed
from deployments import selectors
from deployments.selectors import DeploymentRow
from deployments.selectors.usage.held import NOTHING, Held


class ListedRow(NamedTuple):
    """All that a row shows and nothing else.

    `cause` is the diagnosis in one sentence; usage is None where nothing was measured lately, and limits
    are 0 where there is none; `choice` is None without a column to choose in; `moment` is when it was made
    or, in the history, deleted, and `elapsed` the words for that.
    """

    pk: int
    team: str
    team_title: str
    name: str
    state: str
    message: str
    cause: str
    model: str
    version: str
    ready: int
    wanted: int
    cpu_used: int | None
    cpu_limit: int
    memory_used: int | None
    memory_limit: int
    endpoint: str | None
    moment: datetime
    elapsed: str
    created_by: str
    choice: bool | None
    history: bool


def listed(one: DeploymentRow, held: Held = NOTHING, *, choice: bool | None = None) -> ListedRow:
    """The row of a deployment; `held` is what its pods use and may use."""
    word, message, _ = selectors.judge(one)
    diagnosis = selectors.shown_diagnosis(one)
    moment = one.deleted_at or one.created_at
    return ListedRow(
        pk=one.pk,
        team=one.team_name,
        team_title=one.team_title or one.team_name,
        name=one.name,
        state=word,
        message=message,
        cause=diagnosis["cause"] if diagnosis else "",
        model=one.model,
        version=one.version,
        ready=one.ready_replicas,
        wanted=one.wanted_replicas,
        cpu_used=held.cpu_used if held.measured else None,
        cpu_limit=held.cpu_limit,
        memory_used=held.memory_used if held.measured else None,
        memory_limit=held.memory_limit,
        endpoint=selectors.endpoint_of(one),
        moment=moment,
        elapsed=elapsed(moment),
        created_by=one.created_by,
        choice=None if choice is None else choice and one.delete_requested_at is None,
        history=one.deleted_at is not None,
    )
