"""Evaluate: what was measured, and every row behind a figure."""

from __future__ import annotations

from django.urls import path

from eval_app import compare_views, evaluation_views, launch_views

urlpatterns = [
    path("", launch_views.evaluations, name="evaluate"),
    path("start/", launch_views.start, name="evaluation_start"),
    path("<int:evaluation_id>/", evaluation_views.evaluation, name="evaluation"),
    path("<int:evaluation_id>/compare/", compare_views.compare, name="compare"),
    path("<int:evaluation_id>/results.json", evaluation_views.download, name="evaluation_download"),
]
