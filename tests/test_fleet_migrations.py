"""A migration only adds, so that the release before it works on: each column that came later fills itself."""

from collections.abc import Iterator

import pytest
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

TAKES_AWAY = (migrations.RemoveField, migrations.RenameField, migrations.DeleteModel, migrations.RenameModel)


def operations() -> Iterator[tuple[str, Operation]]:
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app == "approvals":
            yield from ((name, operation) for operation in migration.operations)


def added() -> list[tuple[str, str, str]]:
    """(migration, table, column) of every field that was added to a table that was there before its migration."""
    made = {(name, each.name_lower) for name, each in operations() if isinstance(each, migrations.CreateModel)}
    return [
        (name, f"approvals_{each.model_name}", each.name)
        for name, each in operations()
        if isinstance(each, migrations.AddField)
        and not each.field.many_to_many
        and (name, each.model_name_lower) not in made
    ]


def column_of(table: str, name: str) -> tuple[str, str | None] | None:
    """Whether it may be null, and its default in the database."""
    query = "SELECT is_nullable, column_default FROM information_schema.columns WHERE table_name = %s"
    with connection.cursor() as cursor:
        cursor.execute(f"{query} AND column_name IN (%s, %s)", [table, name, f"{name}_id"])
        found: tuple[str, str | None] | None = cursor.fetchone()
    return found


@pytest.mark.django_db
def test_a_release_that_knows_no_such_column_can_still_write_its_rows() -> None:
    assert len(added()) > 30
    unfilled = []
    for migration, table, name in added():
        column = column_of(table, name)
        assert column is not None, (migration, table, name)
        if column == ("NO", None):
            unfilled.append(f"{migration}: {table}.{name}")
    assert unfilled == [], "give these db_default, or let them be null"


def test_no_migration_takes_anything_away() -> None:
    assert [name for name, operation in operations() if isinstance(operation, TAKES_AWAY)] == []
