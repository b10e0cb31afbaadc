"""The Models page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from models_app.models import BaseModel


@require_GET
def models(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "models_app/models.html",
        {"models": BaseModel.objects.visible_to(request.user).select_related("project")},
    )
