"""Drafting rows for a version, and reviewing what came of it."""

from __future__ import annotations

from django.urls import path

from drafts_app import review_views, views

urlpatterns = [
    path("new/<int:version_id>/", views.new, name="draft_new"),
    path("<int:batch_id>/", views.draft, name="draft"),
    path("<int:batch_id>/progress/", views.progress, name="draft_progress"),
    path("<int:batch_id>/decide/", review_views.decide, name="draft_decide"),
    path("<int:batch_id>/add/", review_views.add, name="draft_add"),
    path("<int:batch_id>/<int:number>/", review_views.edit, name="draft_edit"),
]
