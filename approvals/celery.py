"""The Celery app: it carries doorbells, nothing else."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.settings")

app = Celery("approvals")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["approvals"])
# Every worker also sweeps, so that a lost doorbell or a dead worker is noticed without a scheduler of its own.
app.steps["worker"].add("approvals.sweeping:Sweeper")
