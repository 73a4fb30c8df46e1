"""The ledger of outside calls, written through the connection that holds the thread.

A worker that was cut off has lost that connection, so it can begin nothing more; and no transaction of anybody's takes
back what was written, since that connection commits each statement.
"""

from typing import Any

from psycopg.types.json import Jsonb

from approvals.models import EffectStatus, Run
from chains.checkpointers import Held
from chains.effects import Entry, EntryStatus

BEGIN = """
INSERT INTO approvals_effect (thread_id, run_id, key, name, node, is_idempotent, status)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (thread_id, key) DO NOTHING RETURNING id
"""
BEGIN_AGAIN = """
UPDATE approvals_effect SET status = %s, run_id = %s, ended_at = NULL
WHERE thread_id = %s AND key = %s AND (status = %s OR (status = %s AND is_idempotent)) RETURNING id
"""
LOOK_UP = "SELECT status, result FROM approvals_effect WHERE thread_id = %s AND key = %s"
FINISH = """
UPDATE approvals_effect SET status = %s, result = %s, ended_at = now()
WHERE thread_id = %s AND key = %s AND status = %s
"""
LONGEST_NAME = 200


class ThreadLedger:
    """Of one run; `begin` is told apart by the database alone, so two tasks at once are safe."""

    def __init__(self, held: Held, run: Run) -> None:
        self._held = held
        self._run = run

    def begin(self, key: str, *, name: str, node: str, idempotent: bool) -> Entry:
        run, thread = self._run.id, self._run.thread_id
        named = (name[:LONGEST_NAME], node[:LONGEST_NAME], idempotent, EffectStatus.BEGUN.value)
        if self._held.write(BEGIN, thread, run, key, *named):
            return Entry(EntryStatus.NEW)
        again = (EffectStatus.BEGUN.value, run, thread, key, EffectStatus.NOT_DONE.value, EffectStatus.BEGUN.value)
        if self._held.write(BEGIN_AGAIN, *again):
            return Entry(EntryStatus.NEW)
        row = self._held.write(LOOK_UP, thread, key)
        if row and row["status"] == EffectStatus.DONE:
            return Entry(EntryStatus.DONE, row["result"])
        return Entry(EntryStatus.IN_DOUBT)

    def finish(self, key: str, result: Any) -> None:
        self._end(key, EffectStatus.DONE, Jsonb(result))

    def forget(self, key: str) -> None:
        self._end(key, EffectStatus.NOT_DONE, None)

    def _end(self, key: str, status: EffectStatus, result: Jsonb | None) -> None:
        self._held.write(FINISH, status.value, result, self._run.thread_id, key, EffectStatus.BEGUN.value)
