"""Holdpoint's web application: the Django project and its one app."""

from approvals.celery import app as celery_app

__all__ = ["celery_app"]
