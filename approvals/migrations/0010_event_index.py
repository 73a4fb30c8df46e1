import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Concurrently: nobody who writes to the record waits while the index of a large one is made."""

    atomic = False

    dependencies = [
        ('approvals', '0009_watching'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='event',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['at'], name='events_by_day'),
        ),
    ]
