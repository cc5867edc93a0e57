"""The database itself refuses to change or delete what is in the audit.

Made after each migration, not in one: SQLite makes a table anew when a column changes, and
loses the triggers of the old one.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "teams_auditentry"
_WORDS = "the audit is append-only"

_SQLITE = [
    f"""CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"""
    for verb in ("UPDATE", "DELETE")
]
_POSTGRESQL = [
    f"""CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$""",
    f"""CREATE OR REPLACE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()""",
]
_MAKE = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
_DROP = {
    "sqlite": [f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb}" for verb in ("update", "delete")],
    "postgresql": [f"DROP TRIGGER IF EXISTS {TABLE}_append_only ON {TABLE}"],
}


def protect(using: str = "default", **_signal: Any) -> None:
    """Makes the triggers that are missing: a receiver of `post_migrate`."""
    connection = connections[using]
    if TABLE in connection.introspection.table_names():
        with connection.cursor() as cursor:
            for statement in _MAKE[connection.vendor]:
                cursor.execute(statement)


def unprotect_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """What takes the triggers away, for whoever empties a whole database."""
    return _DROP[connection.vendor]
