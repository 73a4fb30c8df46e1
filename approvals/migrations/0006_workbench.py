"""Runs that are tried again or go back to an earlier step, and the permission to edit past a question."""

from django.db import migrations, models

import approvals.models.event
import approvals.models.run

EVENTS = approvals.models.event.EventKind
KINDS = approvals.models.run.RunKind
MAY_REROUTE = ("may_reroute", "May take a request past its question by editing the state")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0005_question_kinds")]

    operations = [
        migrations.AlterModelOptions("thread", {"permissions": [MAY_REROUTE]}),
        migrations.AddField("run", "retries", models.PositiveSmallIntegerField(default=0)),
        migrations.AlterField("event", "kind", models.CharField(choices=EVENTS.choices, max_length=40)),
        migrations.AlterField("run", "kind", models.CharField(choices=KINDS.choices, max_length=10)),
        # Written anew: databases made before have the shorter list.
        migrations.RemoveConstraint("run", "run_kind_is_known"),
        migrations.AddConstraint(
            "run", models.CheckConstraint(condition=models.Q(("kind__in", KINDS)), name="run_kind_is_known")
        ),
    ]
