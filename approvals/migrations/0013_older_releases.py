"""Defaults in the database itself, so that a release that does not know a column yet can go on writing its rows.

Django gives a new column its default only while it is added. From here on, a field that is added says db_default, or
may be null: tests/test_fleet_migrations.py looks.
"""

import json

from django.db import migrations, models

SIMPLE = (str, bool, int, list, dict)


def literal(field):
    """SQL for its default, as the column's type reads it; None when it has none that is always the same."""
    may_be_empty = isinstance(field, (models.CharField, models.TextField)) and field.blank
    if field.null or field.primary_key or not (field.has_default() or may_be_empty):
        return None
    value = field.get_default()
    if not isinstance(value, SIMPLE):
        return None
    if isinstance(field, models.JSONField):
        return f"'{json.dumps(value)}'::jsonb"
    if isinstance(value, list):
        return "'{}'" if not value else None
    if isinstance(value, str):
        return "'{}'".format(value.replace("'", "''"))
    return json.dumps(value)


def set_defaults(apps, schema_editor):
    for model in apps.get_app_config("approvals").get_models():
        table = schema_editor.quote_name(model._meta.db_table)
        for field in model._meta.local_concrete_fields:
            if not field.has_db_default() and (default := literal(field)) is not None:
                column = schema_editor.quote_name(field.column)
                schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0012_moving")]

    operations = [migrations.RunPython(set_defaults, migrations.RunPython.noop)]
