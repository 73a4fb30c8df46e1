"""The Celery app: it carries doorbells, nothing else."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init
from kombu import Connection
from kombu.transport.redis import Transport
from redis.exceptions import ResponseError

from approvals.watch import tracing
from approvals.watch.logs import leave_to_us

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.settings")

# A Redis that becomes a replica ends the waiting pop with this; Celery would take it for a bug of its own and stop the
# worker, where it has to connect anew, like after any lost connection.
Transport.connection_errors = (*Transport.connection_errors, ResponseError)

# Seconds between looks for a Redis that went away; by itself it looks ever more rarely, in the end twice a minute.
LOOK_AGAIN = 1


class Line(Connection):
    """To Redis."""

    def _ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super()._ensure_connection(*args, **{**options, "interval_start": LOOK_AGAIN, "interval_step": 0})


app = Celery("approvals")
app.amqp.Connection = Line
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["approvals"])
# Every worker also sweeps, so that a lost doorbell or a dead worker is noticed without a scheduler of its own.
app.steps["worker"].add("approvals.sweeping:Sweeper")
# Its lines look like ours, and what nodes print is a line of the log, whose words are not kept.
setup_logging.connect(leave_to_us)
# The level is a word, since Celery hands it to the processes of a prefork worker through the environment.
setup_logging.connect(lambda **_named: app.log.redirect_stdouts("WARNING"), weak=False)  # type: ignore[arg-type]
# The processes of a prefork worker were made before the worker itself was set up.
worker_process_init.connect(lambda **_named: tracing.set_up("worker"), weak=False)
