"""Checkpoints that were removed, how long a chain's are kept, and what each night removed."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import approvals.models.keeping


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0010_event_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RetentionNight",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("reached", models.JSONField(default=dict)),
                ("threads", models.PositiveIntegerField(default=0)),
                ("checkpoints", models.PositiveBigIntegerField(default=0)),
                ("left", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Retention",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("chain", models.CharField(max_length=100, unique=True)),
                (
                    "days",
                    models.PositiveIntegerField(
                        default=90,
                        help_text="Counted from when something last happened to the thread.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(36500),
                        ],
                    ),
                ),
                (
                    "keep_latest",
                    models.BooleanField(
                        default=True,
                        help_text="The newest checkpoint stays, so that the final state can still be read.",
                    ),
                ),
                (
                    "archive_first",
                    models.BooleanField(
                        default=False,
                        help_text="Written to HOLDPOINT_ARCHIVE and read back before anything is removed.",
                    ),
                ),
                (
                    "includes_failed",
                    models.BooleanField(default=False, help_text="Threads that failed as well, which nobody retried."),
                ),
            ],
            options={
                "verbose_name_plural": "retention",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("days__gte", 1)), name="retention_is_a_day_or_more")
                ],
            },
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "thread",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="removal",
                        serialize=False,
                        to="approvals.thread",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("marked", "Being removed"),
                            ("done", "Removed"),
                            ("returned", "Brought back from the archive"),
                        ],
                        default="marked",
                        max_length=10,
                    ),
                ),
                ("keeps_latest", models.BooleanField()),
                ("checkpoints", models.PositiveIntegerField()),
                ("removed", models.PositiveIntegerField(default=0)),
                ("by_name", models.CharField(blank=True, max_length=200)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("archive", models.CharField(blank=True, max_length=200)),
                ("marked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("status", "marked")), fields=["thread"], name="removals_half_done")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", approvals.models.keeping.RemovalStatus)),
                        name="removal_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("status", "marked")),
                            models.Q(models.Q(("status", "marked"), _negated=True), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="removal_is_finished_unless_marked",
                    ),
                ],
            },
        ),
    ]
