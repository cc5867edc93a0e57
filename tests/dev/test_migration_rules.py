"""An upgrade rolls while the version before still serves: its migrations only add."""

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from devtools.migration_rules import FIRST_VERSION, JUDGED, breaches, number_of


def of(*operations: Operation) -> list[str]:
    made = type("Migration", (migrations.Migration,), {"operations": list(operations)})
    return list(breaches(made("0099_next", "deployments")))


def added(field: models.Field) -> migrations.AddField:  # type: ignore[type-arg]
    return migrations.AddField("deployment", "note", field)


def test_every_later_migration_keeps_the_rule_or_is_judged() -> None:
    loader = MigrationLoader(None)
    later = [
        migration
        for (app, name), migration in loader.disk_migrations.items()
        if app in FIRST_VERSION and number_of(name) > FIRST_VERSION[app]
    ]
    found = {(one.app_label, one.name, said) for one in later for said in breaches(one)}
    assert found <= set(JUDGED), (
        "see docs/operations.md, Migrations; before the first version, raise FIRST_VERSION"
    )
    assert set(JUDGED) <= found, "what is judged is there"
    assert all(JUDGED.values())


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RemoveField("deployment", "name"),
        migrations.RenameField("deployment", "name", "title"),
        migrations.RenameModel("Deployment", "Service"),
        migrations.DeleteModel("Deployment"),
        migrations.AlterModelTable("Deployment", "services"),
        migrations.AlterField("deployment", "name", models.CharField(max_length=5)),
        migrations.AddConstraint("deployment", models.UniqueConstraint(fields=["name"], name="one")),
        migrations.RunSQL("SELECT 1"),
        migrations.RunPython(migrations.RunPython.noop),
        added(models.CharField(max_length=5, default="")),
    ],
)
def test_what_the_old_version_would_not_survive_is_refused(operation: Operation) -> None:
    (said,) = of(operation)
    assert operation.describe() in said


@pytest.mark.parametrize(
    "operation",
    [
        added(models.CharField(max_length=5, null=True)),
        added(models.CharField(max_length=5, default="", db_default="")),
        migrations.CreateModel("Later", [("id", models.BigAutoField(primary_key=True))]),
        migrations.AddIndex("deployment", models.Index(fields=["name"], name="by_name")),
        migrations.RemoveIndex("deployment", "by_name"),
    ],
)
def test_what_only_adds_is_allowed(operation: Operation) -> None:
    assert of(operation) == []


def test_a_table_that_the_migration_itself_makes_may_be_finished_by_it() -> None:
    made = migrations.CreateModel("Deployment", [("id", models.BigAutoField(primary_key=True))])
    assert of(made, added(models.CharField(max_length=5))) == []
