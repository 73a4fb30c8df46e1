"""The Celery app: it carries doorbells, nothing else."""

import os

from celery import Celery
from kombu.transport.redis import Transport
from redis.exceptions import ResponseError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.settings")

# A Redis that becomes a replica ends the waiting pop with this; Celery would take it for a bug of its own and stop the
# worker, where it has to connect anew, like after any lost connection.
Transport.connection_errors = (*Transport.connection_errors, ResponseError)

app = Celery("approvals")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["approvals"])
# Every worker also sweeps, so that a lost doorbell or a dead worker is noticed without a scheduler of its own.
app.steps["worker"].add("approvals.sweeping:Sweeper")
