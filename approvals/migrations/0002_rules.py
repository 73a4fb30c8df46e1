"""The rules a column or a check cannot say: composite keys, immutability, legal moves. Each has a test that breaks it."""

from django.db import migrations

COMPOSITE_KEYS = """
ALTER TABLE approvals_vote ADD CONSTRAINT vote_is_about_these_bytes
    FOREIGN KEY (interrupt_id, payload_sha256) REFERENCES approvals_interrupt (id, payload_sha256);
ALTER TABLE approvals_decision ADD CONSTRAINT decision_is_about_these_bytes
    FOREIGN KEY (interrupt_id, payload_sha256) REFERENCES approvals_interrupt (id, payload_sha256);
"""

APPEND_ONLY = """
CREATE FUNCTION holdpoint_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a % was refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_is_append_only';
END $$;
CREATE TRIGGER vote_is_append_only BEFORE UPDATE OR DELETE ON approvals_vote
    FOR EACH ROW EXECUTE FUNCTION holdpoint_append_only();
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON approvals_event
    FOR EACH ROW EXECUTE FUNCTION holdpoint_append_only();
CREATE TRIGGER decision_is_never_deleted BEFORE DELETE ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION holdpoint_append_only();
"""

DECISION = """
CREATE FUNCTION holdpoint_decision_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.interrupt_id, NEW.payload_sha256, NEW.verdict, NEW.answer, NEW.note,
        NEW.decided_by_name, NEW.decided_via, NEW.decided_at)
       IS DISTINCT FROM
       (OLD.id, OLD.interrupt_id, OLD.payload_sha256, OLD.verdict, OLD.answer, OLD.note,
        OLD.decided_by_name, OLD.decided_via, OLD.decided_at)
       OR NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id THEN
        RAISE EXCEPTION 'a decision cannot be changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'decision_is_fixed';
    END IF;
    IF (OLD.applied_at IS NOT NULL
            AND (NEW.applied_at, NEW.applied_generation) IS DISTINCT FROM (OLD.applied_at, OLD.applied_generation))
       OR (OLD.voided_at IS NOT NULL
            AND (NEW.voided_at, NEW.void_reason) IS DISTINCT FROM (OLD.voided_at, OLD.void_reason)) THEN
        RAISE EXCEPTION 'a decision is carried out or voided once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'decision_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decision_is_fixed BEFORE UPDATE ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION holdpoint_decision_is_fixed();
"""

INTERRUPT = """
CREATE FUNCTION holdpoint_interrupt_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.thread_id, NEW.interrupt_id, NEW.checkpoint_id, NEW.payload, NEW.payload_sha256, NEW.asked,
        NEW.reviewers, NEW.votes_needed, NEW.four_eyes, NEW.risk, NEW.undo_seconds)
       IS DISTINCT FROM
       (OLD.id, OLD.thread_id, OLD.interrupt_id, OLD.checkpoint_id, OLD.payload, OLD.payload_sha256, OLD.asked,
        OLD.reviewers, OLD.votes_needed, OLD.four_eyes, OLD.risk, OLD.undo_seconds)
       OR NEW.requested_by_id IS DISTINCT FROM OLD.requested_by_id THEN
        RAISE EXCEPTION 'a question cannot be changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'question_is_fixed';
    END IF;
    IF NEW.status IS DISTINCT FROM OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('open', 'decided'), ('open', 'superseded'), ('open', 'expired'), ('open', 'cancelled'),
        ('decided', 'applied'), ('decided', 'superseded'), ('decided', 'expired'), ('decided', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'a question does not move from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'question_moves_forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER interrupt_moves BEFORE UPDATE ON approvals_interrupt
    FOR EACH ROW EXECUTE FUNCTION holdpoint_interrupt_moves();
CREATE FUNCTION holdpoint_payload_is_its_hash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF encode(sha256(NEW.payload), 'hex') <> NEW.payload_sha256 THEN
        RAISE EXCEPTION 'the hash is not that of the payload'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payload_is_its_hash';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payload_is_its_hash BEFORE INSERT ON approvals_interrupt
    FOR EACH ROW EXECUTE FUNCTION holdpoint_payload_is_its_hash();
"""

RUN = """
CREATE FUNCTION holdpoint_run_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.generation < OLD.generation THEN
        RAISE EXCEPTION 'a generation never falls'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'generation_never_falls';
    END IF;
    IF NEW.status IS DISTINCT FROM OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('pending', 'running'), ('pending', 'cancelled'), ('pending', 'failed'), ('running', 'succeeded'),
        ('running', 'failed'), ('running', 'cancelled'), ('running', 'pending')
    ) THEN
        RAISE EXCEPTION 'a run does not move from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_moves_forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_moves BEFORE UPDATE ON approvals_run
    FOR EACH ROW EXECUTE FUNCTION holdpoint_run_moves();
"""

FOUR_EYES = """
CREATE FUNCTION holdpoint_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM approvals_interrupt i
               WHERE i.id = NEW.interrupt_id AND i.four_eyes AND i.requested_by_id = NEW.reviewer_id) THEN
        RAISE EXCEPTION 'the requester may not vote'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'requester_may_not_vote';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER requester_may_not_vote BEFORE INSERT ON approvals_vote
    FOR EACH ROW EXECUTE FUNCTION holdpoint_four_eyes();
"""

UNDO = """
ALTER TABLE approvals_vote DROP CONSTRAINT IF EXISTS vote_is_about_these_bytes;
ALTER TABLE approvals_decision DROP CONSTRAINT IF EXISTS decision_is_about_these_bytes;
DROP FUNCTION IF EXISTS holdpoint_append_only, holdpoint_decision_is_fixed, holdpoint_interrupt_moves,
    holdpoint_payload_is_its_hash, holdpoint_run_moves, holdpoint_four_eyes CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_rows")]

    operations = [
        migrations.RunSQL(
            COMPOSITE_KEYS + APPEND_ONLY + DECISION + INTERRUPT + RUN + FOUR_EYES, reverse_sql=UNDO
        ),
    ]
