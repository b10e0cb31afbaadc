"""What people note about a row of an evaluation: a note under their name, a tag in the dataset."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from datasets_app import marks
from engine.events import plain
from eval_app.access import frame
from eval_app.compare_views import get_row
from eval_app.models import Evaluation, EvaluationRow, RowNote
from eval_app.notes import dataset_of, marks_of
from projects_app.models import Role

LONGEST_NOTE = 2000


@require_POST
def add(request: HttpRequest, project_id: int, evaluation_id: int, number: int) -> HttpResponse:
    found, _, position = get_row(request, project_id, evaluation_id, number, Role.MEMBER)
    assert isinstance(request.user, User)
    text = str(plain(request.POST.get("text", "").strip()[:LONGEST_NOTE]))
    if text:
        RowNote.objects.create(evaluation=found, position=position, text=text, by=request.user)
    else:
        messages.warning(request, "The note was empty. Write what you saw in the row.")
    return _back(request, found, position)


@require_POST
def remove(request: HttpRequest, project_id: int, evaluation_id: int, number: int, note_id: int) -> HttpResponse:
    """Whoever wrote a note takes it away, or an owner of the project."""
    found, _, position = get_row(request, project_id, evaluation_id, number, Role.MEMBER)
    note = RowNote.objects.filter(evaluation=found, position=position, pk=note_id).first()
    if note is None:
        raise Http404("This note is no longer there.")
    if note.by != request.user and found.project.role != Role.OWNER:
        raise PermissionDenied("A note is taken away by whoever wrote it, or by an owner of the project.")
    note.delete()
    return _back(request, found, position)


@require_POST
def tag(request: HttpRequest, project_id: int, evaluation_id: int, number: int) -> HttpResponse:
    """``add`` and ``remove`` hold tags with commas between them."""
    found, _, position = get_row(request, project_id, evaluation_id, number, Role.MEMBER)
    assert isinstance(request.user, User)
    what = marks.Change(
        add=marks.tags_in(request.POST.get("add", "")), remove=marks.tags_in(request.POST.get("remove", ""))
    )
    if what == marks.Change():
        messages.warning(request, "No tag was named.")
    else:
        row = EvaluationRow.objects.get(evaluation=found, position=position)
        marks.change(dataset_of(found), [row.row_id], what, request.user)
    return _back(request, found, position)


def _back(request: HttpRequest, found: Evaluation, position: int) -> HttpResponse:
    """htmx gets what is noted about the row anew; a browser without it goes back to where it was."""
    if request.htmx:  # type: ignore[attr-defined]
        row = EvaluationRow.objects.get(evaluation=found, position=position)
        entry = {"row": row, "number": position + 1, "marks": marks_of(found, [row])[position]}
        context = {**frame(found), "entry": entry, "here": request.POST.get("next", "")}
        context["full"] = request.POST.get("full", "")
        return render(request, "eval_app/_row_marks.html", context)
    there = request.POST.get("next", "")
    if there and url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        return redirect(f"{there.partition('#')[0]}#row-{position + 1}")
    return redirect("compare_row", found.project_id, found.pk, position + 1)
