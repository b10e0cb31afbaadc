"""The Train stage of a project: its runs, the launch form, one run."""

from __future__ import annotations

from django.urls import path

from training_jobs import comparing, views

urlpatterns = [
    path("", views.train, name="train"),
    path("new/", views.launch, name="launch"),
    path("new/preview/", views.launch_preview, name="launch_preview"),
    path("learning-curve/<int:version_id>/", views.learning_curve, name="learning_curve"),
    path("compare/", comparing.compare_runs, name="compare_runs"),
    path("jobs/<int:job_id>/", views.training_job, name="training_job"),
    path("jobs/<int:job_id>/record/", views.record, name="training_record"),
]
