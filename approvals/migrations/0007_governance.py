"""Policies with conditions, votes that can be withdrawn, claims, delegations, deadlines, notices."""

import approvals.models.calendar
import approvals.models.notice
import approvals.models.policy
import approvals.models.verdict
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

INTERRUPT = """
CREATE FUNCTION holdpoint_question_keeps_its_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.people, NEW.rules, NEW.proposal) IS DISTINCT FROM (OLD.people, OLD.rules, OLD.proposal)
       OR NEW.proposal_by_id IS DISTINCT FROM OLD.proposal_by_id THEN
        RAISE EXCEPTION 'the rules of a question cannot be changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'question_keeps_its_rules';
    END IF;
    IF NEW.steps_done < OLD.steps_done OR NOT NEW.escalated_to @> OLD.escalated_to THEN
        RAISE EXCEPTION 'reminders and escalations do not go back'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'steps_go_forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER question_keeps_its_rules BEFORE UPDATE ON approvals_interrupt
    FOR EACH ROW EXECUTE FUNCTION holdpoint_question_keeps_its_rules();
"""

VOTE = """
CREATE FUNCTION holdpoint_one_vote_at_a_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last text;
BEGIN
    SELECT verdict INTO last FROM approvals_vote
        WHERE interrupt_id = NEW.interrupt_id AND reviewer_id = NEW.reviewer_id ORDER BY number DESC LIMIT 1;
    IF (NEW.verdict = 'withdraw') = (last IS NULL OR last = 'withdraw') THEN
        RAISE EXCEPTION 'a reviewer votes again only after withdrawing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'one_vote_at_a_time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER one_vote_at_a_time BEFORE INSERT ON approvals_vote
    FOR EACH ROW EXECUTE FUNCTION holdpoint_one_vote_at_a_time();
"""

# What nobody voted for is decided by a policy or by break glass, and says so for good.
DECISION = """
CREATE FUNCTION holdpoint_decision_has_its_votes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked approvals_interrupt;
    approvals integer;
    others integer;
    same integer;
BEGIN
    IF NEW.decided_via IN ('policy', 'glass') THEN
        RETURN NEW;
    END IF;
    SELECT * INTO asked FROM approvals_interrupt WHERE id = NEW.interrupt_id;
    SELECT count(*) FILTER (WHERE verdict IN ('approve', 'edit', 'mixed')),
           count(*) FILTER (WHERE verdict IN ('approve', 'edit', 'mixed')
                            AND reviewer_id IS DISTINCT FROM asked.proposal_by_id),
           count(*) FILTER (WHERE verdict = NEW.verdict)
        INTO approvals, others, same
        FROM (SELECT DISTINCT ON (reviewer_id) reviewer_id, verdict FROM approvals_vote
              WHERE interrupt_id = NEW.interrupt_id ORDER BY reviewer_id, number DESC) AS standing;
    IF (NEW.verdict IN ('approve', 'edit', 'mixed') AND (approvals < asked.votes_needed OR others < 1))
       OR (NEW.verdict IN ('reject', 'respond') AND same < 1)
       OR (NEW.verdict = 'reject' AND NOT coalesce((asked.rules->>'veto')::boolean, true)
           AND same < asked.votes_needed) THEN
        RAISE EXCEPTION 'a decision needs the votes its question asks for'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_has_its_votes';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decision_has_its_votes BEFORE INSERT ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION holdpoint_decision_has_its_votes();
CREATE TRIGGER policy_version_is_append_only BEFORE UPDATE OR DELETE ON approvals_policyversion
    FOR EACH ROW EXECUTE FUNCTION holdpoint_append_only();
"""

UNDO = """
DROP TRIGGER IF EXISTS policy_version_is_append_only ON approvals_policyversion;
DROP FUNCTION IF EXISTS holdpoint_question_keeps_its_rules, holdpoint_one_vote_at_a_time,
    holdpoint_decision_has_its_votes CASCADE;
"""


def keep_editing_alone(apps, schema_editor):
    """Policies made before went without a second person after an edit; they go on so until somebody changes them."""
    apps.get_model("approvals", "Policy").objects.update(edits="alone")


def anew(model, name, **known):
    """Databases made before have the shorter list."""
    condition = models.Q(**known)
    return [
        migrations.RemoveConstraint(model, name),
        migrations.AddConstraint(model, models.CheckConstraint(condition=condition, name=name)),
    ]


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0006_workbench'),
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Calendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('time_zone', models.CharField(default='UTC', max_length=64)),
                ('weekdays', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')]), default=approvals.models.calendar._workdays, size=None)),
                ('opens', models.TimeField(default='09:00')),
                ('closes', models.TimeField(default='17:00')),
                ('country', models.CharField(blank=True, help_text='Two letters, such as DE. Empty: no public holidays.', max_length=2)),
                ('region', models.CharField(blank=True, max_length=10)),
                ('closed_on', django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), blank=True, default=list, help_text='Further days that do not count.', size=None)),
            ],
        ),
        migrations.CreateModel(
            name='Delegation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=approvals.models.notice.NoticeKind.choices, max_length=12)),
                ('interrupt_id', models.UUIDField(blank=True, null=True)),
                ('by_name', models.CharField(blank=True, max_length=200)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('read_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('content', models.JSONField()),
                ('changed_by_name', models.CharField(blank=True, max_length=200)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ('-version',),
            },
        ),
        migrations.AlterModelOptions(
            name='policy',
            options={'ordering': ('-priority', 'id'), 'verbose_name_plural': 'policies'},
        ),
        migrations.RemoveConstraint(
            model_name='decision',
            name='decision_verdict_is_known',
        ),
        migrations.RemoveConstraint(
            model_name='vote',
            name='one_vote_per_reviewer',
        ),
        migrations.AddField(
            model_name='interrupt',
            name='claim_ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='claimed_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='claimed_interrupts', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='claimed_by_name',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='escalated_to',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=150), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='next_step_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='people',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='proposal',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='proposal_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='proposal_by_name',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='rules',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='start_by',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='start_left',
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='interrupt',
            name='steps_done',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='policy',
            name='action',
            field=models.CharField(blank=True, help_text='The tool, action or node it covers; empty covers all.', max_length=200),
        ),
        migrations.AddField(
            model_name='policy',
            name='approval_needs_note',
            field=models.BooleanField(default=False, help_text='Approving takes a reason, too.'),
        ),
        migrations.AddField(
            model_name='policy',
            name='asks_manager',
            field=models.BooleanField(default=False, help_text="So may the requester's manager."),
        ),
        migrations.AddField(
            model_name='policy',
            name='auto_condition',
            field=models.CharField(blank=True, help_text='What is approved without asking, such as: args.amount < 20. Empty: nothing.', max_length=500),
        ),
        migrations.AddField(
            model_name='policy',
            name='condition',
            field=models.CharField(blank=True, help_text='When it applies, such as: args.amount > 500 (the language is CEL). Empty: always.', max_length=500),
        ),
        migrations.AddField(
            model_name='policy',
            name='editable',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, help_text='Names of the arguments that may be edited, separated by commas. Empty: all.', size=None),
        ),
        migrations.AddField(
            model_name='policy',
            name='edits',
            field=models.CharField(choices=[('none', 'Nobody may edit'), ('second', 'Somebody else must approve what was edited'), ('alone', 'Who edits may approve it alone')], default='second', help_text='Whether what is asked may be edited.', max_length=6),
        ),
        migrations.AddField(
            model_name='policy',
            name='escalation',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='policy',
            name='people',
            field=models.ManyToManyField(blank=True, help_text='So may these people.', related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policy',
            name='reject_reasons',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, help_text='Reasons to choose from when rejecting, separated by commas.', size=None),
        ),
        migrations.AddField(
            model_name='policy',
            name='remind_after',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)]), blank=True, default=list, help_text='Seconds after which reviewers are reminded, separated by commas.', size=None),
        ),
        migrations.AddField(
            model_name='policy',
            name='sampled_percent',
            field=models.PositiveSmallIntegerField(default=10, help_text='Of what would be approved without asking, the share that people decide all the same.', validators=[django.core.validators.MaxValueValidator(100)]),
        ),
        migrations.AddField(
            model_name='policy',
            name='start_within',
            field=models.PositiveIntegerField(blank=True, help_text='Seconds until somebody should have claimed it. A claim stops this clock.', null=True, validators=[django.core.validators.MinValueValidator(1)]),
        ),
        migrations.AddField(
            model_name='policy',
            name='version',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='policy',
            name='veto',
            field=models.BooleanField(default=True, help_text='One rejection is enough. Otherwise as many must reject as would have to approve.'),
        ),
        migrations.AddField(
            model_name='vote',
            name='for_name',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='vote',
            name='is_carried_over',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='vote',
            name='number',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='vote',
            name='reason_code',
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AlterField(
            model_name='decision',
            name='decided_via',
            field=models.CharField(choices=approvals.models.verdict.Via.choices, max_length=8),
        ),
        migrations.AlterField(
            model_name='decision',
            name='verdict',
            field=models.CharField(choices=approvals.models.verdict.Verdict.choices, max_length=8),
        ),
        migrations.AlterField(
            model_name='interrupt',
            name='at_limit',
            field=models.CharField(choices=approvals.models.policy.AtLimit.choices, default='hold', max_length=7),
        ),
        migrations.AlterField(
            model_name='policy',
            name='at_limit',
            field=models.CharField(choices=approvals.models.policy.AtLimit.choices, default='hold', help_text='What happens when nobody decided in time.', max_length=7),
        ),
        migrations.AlterField(
            model_name='policy',
            name='reviewers',
            field=models.ManyToManyField(blank=True, help_text='Members of these groups may decide.', related_name='+', to='auth.group'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='votes_needed',
            field=models.PositiveSmallIntegerField(default=1, help_text='Different people who must approve the same thing.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)]),
        ),
        migrations.AlterField(
            model_name='vote',
            name='verdict',
            field=models.CharField(choices=approvals.models.verdict.Verdict.choices, max_length=8),
        ),
        migrations.AddIndex(
            model_name='interrupt',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['next_step_at'], name='open_with_a_step'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('verdict__in', ['approve', 'edit', 'mixed', 'reject', 'respond'])), name='decision_verdict_is_known'),
        ),
        migrations.AddConstraint(
            model_name='interrupt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('claim_ends_at__isnull', True), ('claimed_by__isnull', True)), models.Q(('claim_ends_at__isnull', False), ('claimed_by__isnull', False)), _connector='OR'), name='claim_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.UniqueConstraint(fields=('interrupt', 'reviewer', 'number'), name='one_vote_per_reviewer'),
        ),
        migrations.AddConstraint(
            model_name='calendar',
            constraint=models.CheckConstraint(condition=models.Q(('opens__lt', models.F('closes'))), name='calendar_opens_before_it_closes'),
        ),
        migrations.AddConstraint(
            model_name='calendar',
            constraint=models.CheckConstraint(condition=models.Q(('weekdays__len__gte', 1)), name='calendar_has_a_working_day'),
        ),
        migrations.AddField(
            model_name='policy',
            name='calendar',
            field=models.ForeignKey(blank=True, help_text='The hours that count. Empty: every hour of every day.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='approvals.calendar'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('sampled_percent__lte', 100)), name='sample_is_a_percentage'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('edits__in', approvals.models.policy.Edits)), name='policy_edits_are_known'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('risk__in', ('high', 'critical')), _negated=True), models.Q(models.Q(('at_limit', 'approve'), _negated=True), ('auto_condition', '')), _connector='OR'), name='high_risk_is_never_approved_by_itself'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('start_within__isnull', True), ('start_within__gte', 1), _connector='OR'), name='time_to_start_is_positive'),
        ),
        migrations.AddField(
            model_name='delegation',
            name='giver',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='given_delegations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='delegation',
            name='taker',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='taken_delegations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='notice',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='notice',
            name='thread',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='approvals.thread'),
        ),
        migrations.AddField(
            model_name='policyversion',
            name='changed_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policyversion',
            name='policy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='approvals.policy'),
        ),
        migrations.AddIndex(
            model_name='delegation',
            index=models.Index(fields=['taker', 'ends_at'], name='delegations_of_a_taker'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='delegation_ends_after_it_starts'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('giver', models.F('taker')), _negated=True), name='nobody_delegates_to_themselves'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['person', '-at'], name='notices_of_a_person'),
        ),
        migrations.AddConstraint(
            model_name='policyversion',
            constraint=models.UniqueConstraint(fields=('policy', 'version'), name='one_row_per_policy_version'),
        ),
        migrations.AlterModelOptions(
            "interrupt",
            {"permissions": [("may_break_glass", "May decide alone in an emergency, past who is asked and how many")]},
        ),
        *anew("vote", "vote_verdict_is_known", verdict__in=approvals.models.verdict.Verdict),
        *anew("interrupt", "limit_is_known", at_limit__in=approvals.models.policy.AtLimit),
        *anew("policy", "policy_limit_is_known", at_limit__in=approvals.models.policy.AtLimit),
        migrations.RunPython(keep_editing_alone, migrations.RunPython.noop),
        migrations.RunSQL(INTERRUPT + VOTE + DECISION, reverse_sql=UNDO),
    ]
