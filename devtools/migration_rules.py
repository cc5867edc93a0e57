"""Which operations of a migration the processes of the version before would not survive.

While an upgrade rolls, the old version serves from the new tables: first everything is added, and what nobody
uses any more is taken away one version later.
"""

from collections.abc import Iterator

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, ManyToManyField

# What the first version is installed with: nobody runs an older one beside it.
FIRST_VERSION = {"deployments": 13, "teams": 5}

# Operations that break a rule and were judged to be safe: (app, migration, what `breaches` says) and why.
JUDGED: dict[tuple[str, str, str], str] = {}

_TAKEN_AWAY = "take it away one version later, when no running process uses it any more"
_RENAMED = "add the new one, fill it, use it, and take the old one away one version later"


def breaches(migration: migrations.Migration) -> Iterator[str]:
    """What the old version would not survive, and what to do instead."""
    made = {
        operation.name_lower
        for operation in migration.operations
        if isinstance(operation, migrations.CreateModel)
    }
    for operation in migration.operations:
        said = _breach(operation)
        # A table that this migration makes is not used by anybody yet.
        if said and getattr(operation, "model_name_lower", None) not in made:
            yield f"{operation.describe()}: {said}"


def _breach(operation: Operation) -> str:
    match operation:
        case migrations.RemoveField() | migrations.DeleteModel():
            return _TAKEN_AWAY
        case migrations.RenameField() | migrations.RenameModel() | migrations.AlterModelTable():
            return _RENAMED
        case migrations.AddField():
            return _breach_of_added(operation)
        case migrations.AlterField():
            return "the old version writes as it always did: add a column, or say in JUDGED why it fits"
        case migrations.AddConstraint():
            return "the old version may write what it forbids: say in JUDGED why it cannot"
        case migrations.RunPython() | migrations.RunSQL():
            return "say in JUDGED how long it holds locks, and what the old version writes meanwhile"
    return ""


def _breach_of_added(operation: migrations.AddField) -> str:
    field = operation.field
    filled = field.null or isinstance(field, ManyToManyField) or field.db_default is not NOT_PROVIDED
    # Django's `default` is known to Python alone: the old version's INSERT leaves the column out.
    return "" if filled else "give it a db_default, or let it be null"


def number_of(name: str) -> int:
    """The number that a migration's name begins with; 0 without one."""
    digits = name.split("_", maxsplit=1)[0]
    return int(digits) if digits.isdigit() else 0
