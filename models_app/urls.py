"""The endpoints of a project."""

from __future__ import annotations

from django.urls import path

from models_app import endpoint_views

urlpatterns = [
    path("", endpoint_views.endpoints, name="endpoints"),
    path("<int:endpoint_id>/test/", endpoint_views.test, name="endpoint_test"),
    path("<int:endpoint_id>/delete/", endpoint_views.delete, name="endpoint_delete"),
]
