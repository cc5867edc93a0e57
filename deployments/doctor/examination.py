"""What is looked at, in which order; and what cannot be, while something it needs is missing."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError

from deployments.doctor import broker, clusters, database, front, installation, keys, processes
from deployments.doctor.clusters import Who
from deployments.doctor.findings import Area


@dataclass(frozen=True, slots=True)
class _Look:
    name: str
    look: Callable[[Area], None]
    needs_database: bool = False


def examine(*, who: Who = "worker", url: str = "") -> list[Area]:
    """Looks at everything; takes some seconds, and at most some minutes where clusters do not answer.

    `who` is as whom this process is known to a cluster that it runs in; `url` where the pages are.
    """
    looks = (
        _Look("database", database.look_at_database),
        _Look("redis", broker.look_at_broker),
        _Look("secret key", keys.look_at_secret_key),
        _Look("stored secrets", keys.look_at_sealed, needs_database=True),
        _Look("clusters", lambda area: clusters.look_at_clusters(area, who), needs_database=True),
        _Look("observer", processes.look_at_observer, needs_database=True),
        _Look("workers", processes.look_at_workers),
        _Look("wishes", processes.look_at_wishes, needs_database=True),
        _Look("retention", processes.look_at_retention, needs_database=True),
        _Look("web", lambda area: front.look_at_front(area, url)),
        _Look("versions", installation.look_at_versions),
        _Look("data directory", installation.look_at_data_dir),
        _Look("static files", installation.look_at_static_files),
        _Look("production", installation.look_at_production),
    )
    areas: list[Area] = []
    usable = True
    for one in looks:
        area = Area(one.name)
        areas.append(area)
        if one.needs_database and not usable:
            area.note("not looked at: see database")
            continue
        try:
            one.look(area)
        except DatabaseError as exc:
            area.problem(
                "database_failed",
                f"The database failed while this was looked at: {str(exc).strip()}",
                why="What it holds cannot be judged, nor used.",
                remedy="See the findings about the database first: python manage.py prepare",
            )
        if one.name == "database":
            usable = not area.has_problems
    return areas
