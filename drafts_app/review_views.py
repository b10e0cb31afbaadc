"""Decisions of people: accept, reject, edit, and add what was accepted to a new version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from datasets_app.launching import NotReady
from drafts_app import launching, reviewing
from drafts_app.models import DraftRow, State
from drafts_app.views import PER_PAGE, about, get_batch, targets
from projects_app.access import get_project
from projects_app.models import Project, Role

DECISIONS = {"accept": State.ACCEPTED, "reject": State.REJECTED, "undo": State.WAITING}


@require_POST
def decide(request: HttpRequest, project_id: int, batch_id: int) -> HttpResponse:
    """``decision`` for the drafts ``row`` (one or several). There is no "all": a person has seen what is ticked, and
    a page has no more than it shows. htmx gets the card of one draft back."""
    project = get_project(request, project_id, Role.MEMBER)
    batch = get_batch(project, batch_id)
    assert isinstance(request.user, User)
    state = DECISIONS.get(request.POST.get("decision", ""))
    numbers = [int(text) for text in request.POST.getlist("row") if text.isdecimal() and len(text) < 9]
    if state is None or len(numbers) > PER_PAGE:
        return HttpResponseBadRequest("Choose accept, reject or undo for the drafts of one page.")
    done = reviewing.decide(batch, numbers, state, request.user)
    if request.htmx and len(numbers) == 1:  # type: ignore[attr-defined]
        card = reviewing.as_card(_get_row(project, batch_id, numbers[0]))
        context = {**about(batch, project), "card": card, "counts": reviewing.counts(batch), "swapped": True}
        return render(request, "drafts_app/_card.html", {**context, "to_add": batch.to_add().count()})
    if not numbers:
        messages.info(request, "No draft was ticked.")
    else:
        word = {"accept": "accepted", "reject": "rejected", "undo": "put back"}[request.POST["decision"]]
        messages.success(request, f"{done} {'draft' if done == 1 else 'drafts'} {word}.")
    return redirect(_back(request, batch.get_absolute_url()))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, project_id: int, batch_id: int, number: int) -> HttpResponse:
    """The texts of one draft, one field each; saving accepts it."""
    project = get_project(request, project_id, Role.MEMBER)
    draft = _get_row(project, batch_id, number)
    assert isinstance(request.user, User)
    if draft.row is None or draft.is_added:
        raise Http404("This draft cannot be edited.")
    back = _back(request, draft.batch.get_absolute_url())
    problem = ""
    fields = reviewing.texts(draft)
    if request.method == "POST":
        given = {name: str(value) for name, value in request.POST.items() if name.startswith("text-")}
        problem = reviewing.save_edit(draft, given, request.user)
        if not problem:
            messages.success(request, f"Draft {number} is accepted as you wrote it.")
            return redirect(back)
        fields = [{**field, "text": given.get(field["name"], field["text"])} for field in fields]
    context: dict[str, Any] = {
        **about(draft.batch, project),
        "draft": draft,
        "fields": fields,
        "problem": problem,
        "back": back,
        "redacted": reviewing.has_personal(draft),
    }
    return render(request, "drafts_app/edit.html", context, status=400 if problem else 200)


@require_POST
def add(request: HttpRequest, project_id: int, batch_id: int) -> HttpResponse:
    """Adds the accepted rows to a version of the same data set, as a new version."""
    project = get_project(request, project_id, Role.MEMBER)
    batch = get_batch(project, batch_id)
    assert isinstance(request.user, User)
    wanted = request.POST.get("version", "")
    target = next((version for version in targets(batch) if str(version.pk) == wanted), None)
    if target is None:
        messages.error(request, "That version is not there, or its audit has not ended.")
        return redirect(batch)
    try:
        return redirect(launching.add_accepted(batch, target, request.user))
    except NotReady as why:
        messages.error(request, str(why))
        return redirect(batch)


def _get_row(project: Project, batch_id: int, number: int) -> DraftRow:
    batch = get_batch(project, batch_id)
    found = batch.rows.select_related("decided_by", "repair__run").filter(number=number).first()
    if found is None:
        raise Http404("No such draft.")
    found.batch = batch
    return found


def _back(request: HttpRequest, default: str) -> str:
    """Where the person came from, if it is a page of this site."""
    wanted = request.POST.get("back") or request.GET.get("back") or ""
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith(reverse("home"))
    return wanted if safe else default
