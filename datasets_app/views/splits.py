"""Splits: train, validation and test rows of a version."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from datasets_app import launching, reports
from datasets_app.forms import PARTS, SplitForm
from datasets_app.models import Split
from datasets_app.views.versions import get_version, is_poll, render_version
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role
from runs_app import logs


@require_POST
def start(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    form = SplitForm(request.POST)
    if not form.is_valid():
        return render_version(request, found, split_form=form)
    try:
        split = launching.start_split(found, form.fractions(), form.cleaned_data["seed"], request.user)
    except launching.NotReady as why:
        return render_version(request, found, split_form=form, note=str(why))
    then = "?then=train" if request.POST.get("then") == "train" else ""
    return redirect(split.get_absolute_url() + then)


@require_GET
def split(request: HttpRequest, project_id: int, split_id: int) -> HttpResponse:
    """Progress, then the counts of each part and the way on to training; ``then=train`` goes that way by itself."""
    project = get_project(request, project_id)
    found = _get_split(project, split_id)
    context: dict[str, Any] = {
        "project": project,
        "split": found,
        "version": found.version,
        "run": found.run,
        "words": reports.split_words(found),
        "can_write": can_write(project.role),
    }
    if is_poll(request):
        if found.run.has_ended:
            return HttpResponseClientRefresh()
        return render(request, "datasets_app/_progress_run.html", context)
    if found.is_ready and request.GET.get("then") == "train" and can_write(project.role):
        return redirect(_launch_url(found))
    if found.is_ready:
        context |= {"parts": _parts(found), "launch_url": _launch_url(found)}
    return render(request, "datasets_app/split.html", context)


@require_GET
def download(request: HttpRequest, project_id: int, split_id: int, part: str) -> StreamingHttpResponse:
    found = _get_split(get_project(request, project_id), split_id)
    if part not in PARTS or not found.file(part).is_file():
        raise Http404("No such part of this split.")
    path = found.file(part)
    response = StreamingHttpResponse(logs.chunks(path), content_type="application/x-ndjson")
    response["Content-Length"] = str(path.stat().st_size)
    name = f"{found.version.dataset.name}-v{found.version.number}-{part}.jsonl"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _get_split(project: Project, split_id: int) -> Split:
    query = Split.objects.filter(version__dataset__project=project, pk=split_id)
    found = query.select_related("run", "version__dataset").first()
    if found is None:
        raise Http404("No such split in this project.")
    return found


def _parts(split: Split) -> list[dict[str, Any]]:
    total = sum(split.rows(part) for part in PARTS) or 1
    uses = {
        "train": "What the model learns from",
        "validation": "Watched during training; keeps the best checkpoint",
        "test": "Untouched until the evaluation",
    }
    files = (split.result or {}).get("parts", {})
    return [
        {
            "name": part,
            "use": uses[part],
            "rows": split.rows(part),
            "asked": split.fractions.get(part, 0),
            "share": split.rows(part) / total,
            "sha256": files.get(part, {}).get("sha256", ""),
            "size": files.get(part, {}).get("bytes"),
        }
        for part in PARTS
    ]


def _launch_url(split: Split) -> str:
    """The launch form belongs to the room above this one: its address is asked for by name, not imported."""
    return f"{reverse('launch', args=[split.version.dataset.project_id])}?split={split.pk}"
