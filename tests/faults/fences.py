"""Triggers of the harness's own: they notice a checkpoint row written by a connection that does not hold its thread,
and a status that moves where no status may move."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.faults.report import Tally

CHECKPOINT_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
MOVING_TABLES = ("approvals_thread", "approvals_run", "approvals_interrupt")
MADE = """
CREATE TABLE fault_strays (what text, thread_id text, writer int, holder int);
CREATE TABLE fault_moves (id bigserial, what text, thread_id text, row_id text, old_status text, new_status text);
CREATE FUNCTION fault_fence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE holder int;
BEGIN
    SELECT (lease_backend->>'pid')::int INTO holder FROM approvals_run
    WHERE thread_id = NEW.thread_id::uuid AND status = 'running';
    IF holder IS DISTINCT FROM pg_backend_pid() THEN
        INSERT INTO fault_strays VALUES (TG_TABLE_NAME, NEW.thread_id, pg_backend_pid(), holder);
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION fault_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO fault_moves (what, thread_id, row_id, old_status, new_status)
    VALUES (TG_TABLE_NAME, coalesce(to_jsonb(NEW)->>'thread_id', NEW.id::text), NEW.id::text, OLD.status, NEW.status);
    RETURN NEW;
END $$;
"""
FENCE = "CREATE TRIGGER fault_fence BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION fault_fence()"
MOVE = """
CREATE TRIGGER fault_move AFTER UPDATE ON {} FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fault_move()
"""
UNMADE = "DROP FUNCTION fault_fence, fault_move CASCADE; DROP TABLE fault_strays, fault_moves"
# Everything a status does in the life of a payment; what is not here goes back, or somewhere it has no business.
FORWARD = {
    "approvals_thread": {
        ("queued", "running"),
        ("running", "paused"),
        ("paused", "queued"),
        ("running", "queued"),
        ("running", "done"),
    },
    "approvals_run": {("pending", "running"), ("running", "succeeded")},
    "approvals_interrupt": {("open", "decided"), ("decided", "applied")},
}


@contextmanager
def fences() -> Iterator[None]:
    """Up while the campaign runs; `judge` before the end."""
    _execute(MADE, *(FENCE.format(name) for name in CHECKPOINT_TABLES), *(MOVE.format(name) for name in MOVING_TABLES))
    try:
        yield
    finally:
        _execute(UNMADE)


def judge(thread_ids: list[uuid.UUID], tally: Tally) -> None:
    """What the fences noticed of these threads; other campaigns have theirs on the same database."""
    ours = [str(thread_id) for thread_id in thread_ids]
    for what, thread_id, writer, holder in _rows("SELECT * FROM fault_strays WHERE thread_id = ANY(%s)", ours):
        tally.expect(
            False,
            f"thread {thread_id}: a row of {what} was written by backend {writer}, while {holder} held the thread",
        )
    moves = _rows("SELECT what, row_id, old_status, new_status FROM fault_moves WHERE thread_id = ANY(%s)", ours)
    tally.expect(bool(moves), "the fences noticed no move at all, so they cannot have been up")
    for what, row_id, old, new in moves:
        tally.expect((old, new) in FORWARD[what], f"row {row_id} of {what} moved from {old} to {new}")


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _rows(query: str, ids: list[str]) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [ids])
        return list(cursor.fetchall())
