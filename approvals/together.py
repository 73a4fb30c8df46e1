"""Pages and worker in one process, for checkpoints that are kept in its memory: `python -m approvals.together`.

For trying Holdpoint out, and for tests. The worker is Celery's own, with threads, in a thread of this process.
"""

import argparse
import os
import signal
import sys
import threading
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.settings")
os.environ.setdefault("HOLDPOINT_DATABASE_POOL", "1")

import django

django.setup()

import psycopg  # noqa: E402  the apps must be loaded first
import structlog  # noqa: E402
import uvicorn  # noqa: E402
from celery.worker import state  # noqa: E402

from approvals import celery, opened  # noqa: E402

log = structlog.get_logger(__name__)

# Held by the one such process of a database, for life: the worker of a second would look for checkpoints that it has
# never had, and fail the threads of the first.
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('holdpoint:together', 0)) AS got"
LOOK_SECONDS = 2.0
THREADS = 8
WORKER_STOPS_WITHIN = 25.0
TWO = "Another Holdpoint keeps checkpoints in its memory on this database. Stop it first, or give this one its own."
ENDED = "The worker in this process has ended, so the process ends too."


class OnlyOne:
    """The lock, and a look now and then that it is still held."""

    def __init__(self) -> None:
        self._line: psycopg.Connection[Any] | None = None

    def take(self) -> bool:
        """False when another process has it. A connection that died lost it, and a new one may have it instead."""
        try:
            if self._line is not None:
                self._line.execute("SELECT 1")
                return True
        except psycopg.OperationalError:
            log.warning("the connection that holds the lock of this process is gone, taken anew")
        self._line = None
        line = psycopg.connect(opened.own_dsn(), autocommit=True, application_name="holdpoint together")
        row = line.execute(LOCK).fetchone()
        if row is None or not row[0]:
            line.close()
            return False
        self._line = line
        return True


class Together:
    def __init__(self, *, host: str, port: int) -> None:
        config = uvicorn.Config(
            "approvals.asgi:application",
            host=host,
            port=port,
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            ws_max_size=65_536,
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)
        self._lock = OnlyOne()
        self._why = ""
        self._ended = threading.Event()

    def run(self) -> str:
        """Until a signal. Says why it ended by itself, or nothing."""
        if not self._lock.take():
            return TWO
        opened.be_together()
        worker = threading.Thread(target=self._work, name="worker", daemon=True)
        watch = threading.Thread(target=self._watch, name="only one", daemon=True)
        worker.start()
        watch.start()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, _leave_to_the_pages)
        self._server.run()
        self._ended.set()
        setattr(state, "should_stop", 0)  # noqa: B010  (declared as None alone)
        worker.join(WORKER_STOPS_WITHIN)
        return self._why

    def _work(self) -> None:
        """Whatever ends the worker ends the process: pages alone would take in what nobody works on."""
        why = ENDED
        try:
            worker = celery.app.Worker(
                pool="threads", concurrency=THREADS, without_gossip=True, without_mingle=True, quiet=True
            )
            worker.start()
        except SystemExit as error:
            why = error.code if isinstance(error.code, str) else ENDED
        except Exception:
            log.exception("the worker ended")
        finally:
            if not self._ended.is_set():
                self._end(why)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                if not self._lock.take():
                    self._end(TWO)
                    return
            except psycopg.Error:
                log.warning("the database is away; the lock of this process is taken anew when it is back")

    def _end(self, why: str) -> None:
        self._why = why
        self._server.should_exit = True


def _leave_to_the_pages(*_: object) -> None:
    """The web server listens to signals itself, and sends them once more when it has ended: the worker is still to be
    waited for then.
    """


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m approvals.together", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    found = parser.parse_args(arguments)
    why = Together(host=found.host, port=found.port).run()
    if why:
        print(why, file=sys.stderr, flush=True)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
