"""The documents of a project."""

from __future__ import annotations

from django.urls import path

from documents_app import views

urlpatterns = [
    path("", views.documents, name="documents"),
    path("<int:document_id>/", views.document, name="document"),
    path("<int:document_id>/delete/", views.delete, name="document_delete"),
]
