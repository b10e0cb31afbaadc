"""The one way to an evaluation: through its project."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from eval_app.models import Evaluation
from projects_app.access import can_write, get_project
from projects_app.models import Role


def get_evaluation(request: HttpRequest, project_id: int, evaluation_id: int, role: Role = Role.READER) -> Evaluation:
    """The evaluation, reached through its project. Raises Http404 for strangers, PermissionDenied below ``role``."""
    project = get_project(request, project_id, role)
    found = (
        Evaluation.objects.filter(project=project, pk=evaluation_id)
        .select_related("run", "split__version__dataset")
        .first()
    )
    if found is None:
        raise Http404("No such evaluation in this project.")
    found.project = project
    found.run.project = project
    return found


def frame(found: Evaluation) -> dict[str, Any]:
    """What every page of an evaluation shows."""
    results = found.results or {}
    decided = found.decided.select_related("made_by").first() if results else None
    about = (results.get("verdicts") or {}).get(decided.candidate) if decided else None
    return {
        "project": found.project,
        "can_write": can_write(found.project.role),
        "evaluation": found,
        "run": found.run,
        "results": found.results,
        "decided": decided,
        # What the figures say of the system that was decided about; else of the first.
        "verdict": about or results.get("verdict"),
    }
