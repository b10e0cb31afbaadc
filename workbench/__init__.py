"""Wiring only: settings, URLs, the ASGI and Celery entrances, sign-in and the home page."""

from workbench.celery import app as celery_app

__all__ = ["celery_app"]
