"""Payloads about teams."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployments.spec.reader import Reader
from deployments.spec.schedules import read_zone
from teams.models import Team

LONGEST_TITLE = 100
# As a namespace is called like its team.
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class TeamRequest:
    """`cluster` is the name of the one in which the team gets a namespace; "" for none."""

    name: str
    title: str
    time_zone: str
    cluster: str


@dataclass(frozen=True, slots=True)
class TeamChangeRequest:
    """What becomes of a team; `time_zone` "" when it was not named."""

    title: str
    archived: bool
    time_zone: str


def parse_team(payload: Mapping[str, Any]) -> TeamRequest:
    """Raises: InvalidInput."""
    reader = Reader(payload)
    reader.allow_only(("name", "title", "time_zone", "cluster"), read_only=("role", "archived"))
    name = reader.text("name", required=True, longest=40)
    if name and not _NAME.fullmatch(name):
        text = "Use lower-case letters, digits and hyphens, with a letter first and no hyphen last."
        reader.wrong("name", text, "invalid_name")
    request = TeamRequest(
        name=name,
        title=_read_title(reader, ""),
        time_zone=read_zone(reader, "UTC"),
        cluster=reader.text("cluster", longest=40),
    )
    reader.finish()
    return request


def parse_team_changes(payload: Mapping[str, Any], current: Team) -> TeamChangeRequest:
    """What is not named stays. Raises: InvalidInput."""
    reader = Reader(payload)
    reader.allow_only(("title", "archived", "time_zone"), read_only=("name", "role"))
    request = TeamChangeRequest(
        title=_read_title(reader, current.title),
        archived=reader.boolean("archived", current.archived_at is not None),
        time_zone=read_zone(reader, "") if "time_zone" in reader else "",
    )
    reader.finish()
    return request


def _read_title(reader: Reader, default: str) -> str:
    title = reader.text("title", default, longest=LONGEST_TITLE).strip()
    if not title.isprintable():
        reader.wrong("title", "Printable characters only.", "invalid_title")
    return title
