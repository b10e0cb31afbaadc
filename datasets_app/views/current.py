"""Going back to an earlier version, or on to a later one: a pointer moves, nothing is deleted."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from datasets_app import current
from datasets_app.views.versions import get_version
from projects_app.models import Role


@require_POST
def make_current(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """Makes this version the one people work on: training and splits suggest it first."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if current.go_to(found, request.user):
        messages.success(request, f"v{found.number} is the current version now. The others are kept as they are.")
    else:
        messages.info(request, f"v{found.number} is the current version already.")
    return redirect(found)
