"""Evaluate: what was measured, and every row behind a figure."""

from __future__ import annotations

from django.urls import path

from eval_app import views

urlpatterns = [
    path("", views.evaluations, name="evaluate"),
    path("start/", views.start, name="evaluation_start"),
    path("<int:evaluation_id>/", views.evaluation, name="evaluation"),
    path("<int:evaluation_id>/compare/", views.compare, name="compare"),
    path("<int:evaluation_id>/results.json", views.download, name="evaluation_download"),
]
