"""The database: reachable, migrated, new enough, and of one mind with us about text and time."""

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from deployments.doctor import clock
from deployments.doctor.findings import Area

_POSTGRESQL: Final = 14
_TOLD: Final = 5


def look_at_database(area: Area) -> None:
    try:
        connection.ensure_connection()
    except DatabaseError as exc:
        where = settings.DATABASES["default"]
        place = f"{where.get('HOST') or 'a local socket'}:{where.get('PORT') or 5432}/{where['NAME']}"
        if connection.vendor == "sqlite":
            place = str(where["NAME"])
        area.problem(
            "database_unreachable",
            f"The database at {place} does not answer: {_first_line(exc)}",
            why="Nothing can be shown, stored or done without it.",
            remedy="Start it and compare DATABASE_URL with its name, user, password and network: "
            "docker compose up -d postgres; psql \"$DATABASE_URL\" -c 'SELECT 1'",
        )
        return
    if connection.vendor == "postgresql":
        _look_at_postgresql(area)
    else:
        _look_at_sqlite(area)
    _look_at_migrations(area)


def _look_at_postgresql(area: Area) -> None:
    asked_at = timezone.now()
    now: datetime = _ask("SELECT clock_timestamp()")
    clock.compare(area, "the database", now, asked_at)
    version = int(_ask("SHOW server_version_num")) // 10_000
    encoding = str(_ask("SHOW server_encoding"))
    area.note(f"PostgreSQL {version}, {encoding}, asked in {_ask('SHOW timezone')}")
    if version < _POSTGRESQL:
        area.problem(
            "database_version",
            f"PostgreSQL {version} is older than {_POSTGRESQL}.",
            why="Queries fail that older versions do not know.",
            remedy="Dump it, start a newer server and restore there: see docs/operations.md, Backup.",
        )
    if encoding != "UTF8":
        area.problem(
            "database_encoding",
            f"The database keeps text as {encoding}.",
            why="Names, logs and messages with other characters cannot be stored.",
            remedy="Make a new one, and restore there: createdb --encoding=UTF8 --template=template0 NAME",
        )
    if _ask("SELECT pg_is_in_recovery()"):
        area.problem(
            "database_read_only",
            "The database is a standby, which cannot be written to.",
            why="No wish can be stored.",
            remedy="Let DATABASE_URL name the primary, or promote this one: pg_ctl promote",
        )


def _look_at_sqlite(area: Area) -> None:
    mode = str(_ask("PRAGMA journal_mode"))
    area.note(f"SQLite {_ask('SELECT sqlite_version()')}, journal {mode}")
    if mode != "wal":
        area.problem(
            "database_journal",
            f"SQLite keeps its journal as {mode!r}, not as a write-ahead log.",
            why="Readers and writers stop each other: pages fail with 'database is locked'.",
            remedy="Keep DATA_DIR on a local disk: SQLite's log does not work on network file systems.",
        )
    if settings.SECURE_SSL_REDIRECT:
        area.warning(
            "database_sqlite",
            "This installation serves people over the network from SQLite.",
            why="It holds one writer at a time, and processes of one machine only.",
            remedy="Name a PostgreSQL: DATABASE_URL=postgres://user:password@host/timoneiro",
        )


def _look_at_migrations(area: Area) -> None:
    executor = MigrationExecutor(connection)
    known = executor.loader
    missing = [migration for migration, _ in executor.migration_plan(known.graph.leaf_nodes())]
    if missing:
        area.problem(
            "migrations_missing",
            f"{len(missing)} migrations are not applied: {_some(str(one) for one in missing)}.",
            why="The code asks for tables and columns that are not there.",
            remedy="Apply them, then start the processes: python manage.py prepare (./dev up does it itself)",
        )
    ours = {app for app, _ in known.disk_migrations or {}}
    newer = sorted(
        f"{app}.{name}"
        for app, name in known.applied_migrations or {}
        if app in ours
        and (app, name) not in (known.disk_migrations or {})
        # One that took the place of several may have been applied as those.
        and not any((app, name) in one.replaces for one in (known.disk_migrations or {}).values())
    )
    if newer:
        area.problem(
            "database_newer",
            f"The database has migrations that this version does not know: {_some(newer)}.",
            why="It was prepared by a newer version: this one may misread or spoil what that one stored.",
            remedy="Run the newer version again, or restore the backup made before the upgrade.",
        )
    if not missing and not newer:
        area.note(f"{len(known.applied_migrations or {})} migrations applied")


def _ask(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


def _some(names: Any) -> str:
    listed = list(names)
    more = f" and {len(listed) - _TOLD} more" if len(listed) > _TOLD else ""
    return ", ".join(listed[:_TOLD]) + more


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
