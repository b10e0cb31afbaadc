"""The parts every run has, whatever its kind."""

from __future__ import annotations

from django.urls import path

from runs_app import views

urlpatterns = [
    path("", views.run, name="run"),
    path("state/", views.state, name="run_state"),
    path("events/", views.events, name="run_events"),
    path("stream/", views.stream, name="run_stream"),
    path("log/", views.log, name="run_log"),
    path("log/download/", views.download_log, name="run_log_download"),
    path("stop/", views.stop, name="run_stop"),
    path("retry/", views.retry, name="run_retry"),
]
