"""The one gate to everything a project owns: a stranger gets 404, a reader who wants to write gets 403."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from projects_app.models import Project, Role

_RANK = {Role.READER: 0, Role.MEMBER: 1, Role.OWNER: 2}


def get_project(request: HttpRequest, project_id: int, need: Role = Role.READER) -> Project:
    """Returns the project with ``project.role`` set to the asking user's role.

    Raises Http404 for a stranger (who must not learn that it exists) and PermissionDenied below ``need``.
    """
    project = Project.objects.filter(pk=project_id).first()
    role = project.role_of(request.user) if project else None
    if project is None or role is None:
        raise Http404("No such project.")
    if _RANK[Role(role)] < _RANK[need]:
        raise PermissionDenied(f"This needs the role {need.value}; yours here is {role}. Ask an owner of the project.")
    project.role = role
    return project


def can_write(role: str) -> bool:
    return _RANK[Role(role)] >= _RANK[Role.MEMBER]
