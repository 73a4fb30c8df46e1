"""More ways in which graphs ask, and the verdict on a question whose parts got different ones."""

from django.db import migrations, models

import approvals.models.interrupt
import approvals.models.verdict

KINDS = approvals.models.interrupt.QuestionKind
VERDICTS = approvals.models.verdict.Verdict


def known(model, field, enum, name):
    """The values a column may have, written anew: databases made before have the shorter list."""
    check = models.CheckConstraint(condition=models.Q((f"{field}__in", enum)), name=name)
    return [
        migrations.RemoveConstraint(model_name=model, name=name),
        migrations.AddConstraint(model_name=model, constraint=check),
    ]


class Migration(migrations.Migration):
    dependencies = [("approvals", "0004_limits_and_effects")]

    operations = [
        migrations.AlterField("interrupt", "kind", models.CharField(choices=KINDS.choices, max_length=8)),
        migrations.AlterField("vote", "verdict", models.CharField(choices=VERDICTS.choices, max_length=7)),
        migrations.AlterField("decision", "verdict", models.CharField(choices=VERDICTS.choices, max_length=7)),
        *known("interrupt", "kind", KINDS, "question_kind_is_known"),
        *known("vote", "verdict", VERDICTS, "vote_verdict_is_known"),
        *known("decision", "verdict", VERDICTS, "decision_verdict_is_known"),
    ]
