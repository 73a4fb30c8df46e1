"""Getting every table for oneself while everybody is at work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, connection

log = structlog.get_logger(__name__)

# Before PostgreSQL looks for a deadlock, which it ends by giving up the one who has found it: after a second.
EVERY_SECONDS = 0.2
CUT_OFF_BLOCKERS = "SELECT pg_terminate_backend(pid, 1000) FROM unnest(pg_blocking_pids(%s)) AS pid"


@contextmanager
def clearing_the_way() -> Iterator[None]:
    """Whoever keeps this connection waiting inside is cut off. Their transactions are undone, as when the database
    restarts, and they know what to do then.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    over = threading.Event()
    helper = threading.Thread(target=_clear, args=(pid, over), name="clearing the way", daemon=True)
    helper.start()
    try:
        yield
    finally:
        over.set()
        helper.join()


def _clear(pid: int, over: threading.Event) -> None:
    line = connection.copy()
    try:
        while not over.wait(EVERY_SECONDS):
            with line.cursor() as cursor:
                cursor.execute(CUT_OFF_BLOCKERS, (pid,))
    except DatabaseError as error:
        log.warning("those who are in the way cannot be cut off", why=str(error))
    finally:
        line.close()
