"""The Celery app: it carries doorbells, nothing else."""

import os
from typing import Any

from celery import Celery
from kombu import Connection
from kombu.transport.redis import Transport
from redis.exceptions import ResponseError

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
