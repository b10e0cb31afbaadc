"""Exports: the form of one, its page with the rows that were asked again, and its files."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.differences import against_reference, far_apart
from models_app.registering import NotAModel
from projects_app.access import can_write, get_project
from projects_app.models import Role
from runs_app import logs
from training_jobs import archives, exporting
from training_jobs.export_models import Export
from training_jobs.exporting import ExportForm
from training_jobs.views import get_job

ROWS_A_PAGE = 10


def get_export(request: HttpRequest, project_id: int, export_id: int, need: Role = Role.READER) -> Export:
    """The export, reached through its project: 404 for strangers, 403 below ``need``."""
    project = get_project(request, project_id, need)
    known = Export.objects.select_related("run", "job__base_model", "job__run", "checkpoint__job__run", "base_model")
    found = known.filter(run__project=project, pk=export_id).first()
    if found is None:
        raise Http404("No such export in this project.")
    found.run.project = found.job.project = project
    return found


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project_id: int, job_id: int) -> HttpResponse:
    """The form; a valid one becomes a queued run."""
    get_project(request, project_id, Role.MEMBER)
    job = get_job(request, project_id, job_id)
    assert isinstance(request.user, User)
    form = ExportForm(job, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return redirect(exporting.start(job, form.cleaned_data, request.user))
    context = {
        "project": job.project,
        "job": job,
        "form": form,
        "has_checkpoint": job.best_checkpoint is not None,
        "exports": job.exports.select_related("run", "checkpoint__job"),
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "training_jobs/export_new.html", context, status=status)


@require_GET
def export(request: HttpRequest, project_id: int, export_id: int) -> HttpResponse:
    """Its state, its files, and row by row what the run and the exported files answered."""
    found = get_export(request, project_id, export_id)
    query = request.GET.get("q", "")[:200]
    rows = _rows(found)
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "project": found.job.project,
        "export": found,
        "job": found.job,
        "run": found.run,
        "can_write": can_write(found.job.project.role),
        "kept": exporting.why_kept(found),
        "replay": (found.result or {}).get("replay"),
        "page": page,
        "shown": [_shown(row) for row in page],
        "differing": sum(not (row["same_answer"] and row["same_prompt"]) for row in rows),
        "query": query,
        "log": "\n".join(logs.tail(found.run.directory / "console.log", query)),
    }
    return render(request, "training_jobs/export.html", context)


@require_POST
def register(request: HttpRequest, project_id: int, export_id: int) -> HttpResponse:
    """Puts the merged model on the project's shelf of base models."""
    found = get_export(request, project_id, export_id, Role.MEMBER)
    if found.form != "merged" or not found.files:
        messages.error(request, "Only a whole model that is still on the disk can be trained again.")
        return redirect(found)
    try:
        model = exporting.register_base(found)
    except NotAModel as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{model.name} is a base model of this project now.")
    return redirect(found)


@require_POST
def delete(request: HttpRequest, project_id: int, export_id: int) -> HttpResponse:
    """The export goes with its files; the run it was made of stays."""
    found = get_export(request, project_id, export_id, Role.MEMBER)
    kept = exporting.why_kept(found)
    if kept or not exporting.delete(found):
        messages.error(request, kept or "It is a base model now, so it stays.")
        return redirect(found)
    messages.success(request, f"{found} is gone, and its files with it. The run and its checkpoints are as they were.")
    return redirect(found.job)


@require_GET
def download(request: HttpRequest, project_id: int, export_id: int) -> HttpResponseBase:
    """All files as one archive."""
    found = get_export(request, project_id, export_id, Role.MEMBER)
    entries: list[archives.Entry] = [(file["name"], found.folder / file["name"]) for file in found.files]
    if not entries:
        raise Http404("Nothing of this export is on the disk.")
    return archives.respond(entries, f"run-{found.job.run_id}-{found.form}.zip")


@require_GET
def file(request: HttpRequest, project_id: int, export_id: int, name: str) -> HttpResponseBase:
    """One file; only a name that the export listed is ever opened."""
    found = get_export(request, project_id, export_id, Role.MEMBER)
    told = next((one for one in found.files if one["name"] == name), None)
    if told is None:
        raise Http404("No such file in this export.")
    response = StreamingHttpResponse(logs.chunks(found.folder / told["name"]), content_type="application/octet-stream")
    response["Content-Length"] = str(told["bytes"])
    response["Content-Disposition"] = content_disposition_header(True, told["name"])
    return response


def _rows(export: Export) -> list[dict[str, Any]]:
    """What was asked again, differing rows first; at most 200 of them."""
    try:
        lines = (export.run.directory / "replay.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return []


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    parts = against_reference(row["exported"], row["own"])
    return {**row, "parts": [] if row["same_answer"] or far_apart(parts) else parts}
