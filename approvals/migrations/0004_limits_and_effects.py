"""How long reviewers have, and the ledger of outside calls, with the rules a column or a check cannot say."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import approvals.models.effect
import approvals.models.policy

INTERRUPT = """
CREATE FUNCTION holdpoint_limit_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.due_at, NEW.at_limit) IS DISTINCT FROM (OLD.due_at, OLD.at_limit) THEN
        RAISE EXCEPTION 'the limit of a question cannot be changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'limit_is_fixed';
    END IF;
    IF OLD.overdue_at IS NOT NULL AND NEW.overdue_at IS DISTINCT FROM OLD.overdue_at THEN
        RAISE EXCEPTION 'a limit passes once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'limit_passes_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limit_is_fixed BEFORE UPDATE ON approvals_interrupt
    FOR EACH ROW EXECUTE FUNCTION holdpoint_limit_is_fixed();
"""

EFFECT = """
CREATE FUNCTION holdpoint_effect_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.thread_id, NEW.key, NEW.name, NEW.node) IS DISTINCT FROM (OLD.thread_id, OLD.key, OLD.name, OLD.node) THEN
        RAISE EXCEPTION 'an effect cannot become another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'effect_is_fixed';
    END IF;
    IF OLD.status = 'done' AND (NEW.status, NEW.result) IS DISTINCT FROM (OLD.status, OLD.result) THEN
        RAISE EXCEPTION 'an effect is done once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'effect_is_done_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER effect_moves BEFORE UPDATE ON approvals_effect
    FOR EACH ROW EXECUTE FUNCTION holdpoint_effect_moves();
CREATE TRIGGER effect_is_never_deleted BEFORE DELETE ON approvals_effect
    FOR EACH ROW EXECUTE FUNCTION holdpoint_append_only();
"""

UNDO = """
DROP TRIGGER IF EXISTS effect_is_never_deleted ON approvals_effect;
DROP FUNCTION IF EXISTS holdpoint_limit_is_fixed, holdpoint_effect_moves CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0003_people"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Effect",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("node", models.CharField(max_length=200)),
                ("is_idempotent", models.BooleanField()),
                (
                    "status",
                    models.CharField(
                        choices=[("begun", "Begun"), ("done", "Done"), ("not_done", "Not done")],
                        default="begun",
                        max_length=8,
                    ),
                ),
                ("result", models.JSONField(blank=True, null=True)),
                ("begun_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="interrupt",
            name="at_limit",
            field=models.CharField(
                choices=[("hold", "Stays open, marked overdue"), ("reject", "Is rejected")],
                default="hold",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="interrupt",
            name="overdue_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="policy",
            name="at_limit",
            field=models.CharField(
                choices=[("hold", "Stays open, marked overdue"), ("reject", "Is rejected")],
                default="hold",
                help_text="What happens when nobody decided in time.",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="decide_within",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Seconds reviewers have to decide, counted by the database's clock. Empty: no limit.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("thread.submitted", "Submitted"),
                    ("thread.finished", "Finished"),
                    ("thread.failed", "Failed"),
                    ("thread.stopped", "Stopped"),
                    ("stop.requested", "Stop requested"),
                    ("run.requested", "Asked to carry on"),
                    ("run.taken_over", "Taken over from a worker that went silent"),
                    ("message.sent", "Message sent"),
                    ("interrupt.raised", "Asked for review"),
                    ("interrupt.superseded", "Question replaced"),
                    ("interrupt.cancelled", "Question withdrawn"),
                    ("limit.passed", "Not decided in time"),
                    ("vote.cast", "Voted"),
                    ("decision.made", "Decided"),
                    ("decision.applied", "Decision carried out"),
                    ("decision.undone", "Decision taken back"),
                    ("decision.voided", "Decision not carried out"),
                    ("effect.settled", "Outside call looked into"),
                    ("state.edited", "State edited"),
                    ("state.edit_refused", "Edit of the state refused"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddIndex(
            model_name="interrupt",
            index=models.Index(
                condition=models.Q(("overdue_at__isnull", True), ("status", "open")),
                fields=["due_at"],
                name="open_with_a_limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="interrupt",
            constraint=models.CheckConstraint(
                condition=models.Q(("at_limit__in", approvals.models.policy.AtLimit)), name="limit_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("at_limit__in", approvals.models.policy.AtLimit)), name="policy_limit_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("decide_within__isnull", True), ("decide_within__gte", 1), _connector="OR"),
                name="time_to_decide_is_positive",
            ),
        ),
        migrations.AddField(
            model_name="effect",
            name="run",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="approvals.run"),
        ),
        migrations.AddField(
            model_name="effect",
            name="thread",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="effects", to="approvals.thread"
            ),
        ),
        migrations.AddConstraint(
            model_name="effect",
            constraint=models.UniqueConstraint(fields=("thread", "key"), name="one_effect_per_key"),
        ),
        migrations.AddConstraint(
            model_name="effect",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", approvals.models.effect.EffectStatus)), name="effect_status_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="effect",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("status", "begun")),
                    models.Q(models.Q(("status", "begun"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="effect_has_ended_unless_begun",
            ),
        ),
        migrations.RunSQL(INTERRUPT + EFFECT, reverse_sql=UNDO),
    ]
