"""Splits: train, validation and test rows of a version."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRefresh

from datasets_app import columns, launching, mixing, reports
from datasets_app.forms import PARTS, PLAIN, SplitWayForm
from datasets_app.models import DatasetVersion, Split
from datasets_app.views.versions import get_version, is_poll
from engine.data import splits
from engine.data.mask import mask_text
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role
from runs_app import logs

LEAKED = "leaked"
# Kind of leak → what it is, in words.
LEAKS = {
    "identical": "The same row",
    "prompt": "The same prompt, another answer",
    "ngram": "Long runs of words of a test prompt",
    "near": "Nearly the same words",
    "group": "Duplicates of one of these",
}


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """?strategy=: the form of that way to split; POST: the split."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    asked = request.POST if request.method == "POST" else request.GET
    strategy = asked.get("strategy", PLAIN.strategy)
    if strategy not in splits.STRATEGIES:
        raise Http404("No such way to split.")
    form = _form(found, strategy, request.POST if request.method == "POST" else None, request.user)
    if request.method == "GET" or not form.is_valid():
        return _render_form(request, found, form)
    try:
        test = form.cleaned_data.get("test_file")
        split = launching.start_split(
            found, form.fractions(), form.cleaned_data["seed"], request.user, form.options(), test
        )
    except launching.NotReady as why:
        return _render_form(request, found, form, str(why))
    then = "?then=train" if request.POST.get("then") == "train" else ""
    return redirect(split.get_absolute_url() + then)


def _form(version: DatasetVersion, strategy: str, data: Any, user: User) -> SplitWayForm:
    """The form; what was not sent has its default, so that the one button of the audit page sends only the shares."""
    every, timely = columns.of(version)
    default = mixing.default_column(version) if strategy == PLAIN.strategy else ""
    default = default if default in every else ""
    if data is not None and default and "column" not in data:
        data = {**data.dict(), "column": default}
    offered = columns.choices(timely if strategy == "time" else every)
    about: dict[str, Any] = {"version": version, "strategy": strategy, "columns": offered, "user": user}
    return SplitWayForm(data, **about, initial={"column": default})


def _render_form(request: HttpRequest, version: DatasetVersion, form: SplitWayForm, note: str = "") -> HttpResponse:
    way = splits.load(form.strategy)
    context = {
        "project": version.dataset.project,
        "version": version,
        "form": form,
        "note": note,
        "about": way.ABOUT,
        "strategy": form.strategy,
        "ways": [(name, strategy.TITLE) for name, strategy in splits.strategies()],
        "no_columns": way.COLUMN == "needed" and not form.fields["column"].choices,  # type: ignore[attr-defined]
        "no_files": way.FILE and not form.fields["test_file"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render(request, "datasets_app/split_new.html", context, status=400 if note or form.errors else 200)


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
        context |= {"parts": _parts(found), "launch_url": _launch_url(found)} | _told(found)
    return render(request, "datasets_app/split.html", context)


@require_GET
def download(request: HttpRequest, project_id: int, split_id: int, part: str) -> StreamingHttpResponse:
    """A part as it is stored, streamed. For members: nothing in it is masked."""
    found = _get_split(get_project(request, project_id, Role.MEMBER), split_id)
    path = found.leaks if part == LEAKED else found.file(part) if part in PARTS else None
    if path is None or not path.is_file():
        raise Http404("No such part of this split.")
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


def _told(split: Split) -> dict[str, Any]:
    """What the way of splitting says about what it did."""
    result = split.result or {}
    told: dict[str, Any] = {"way": splits.load(split.options.get("strategy", PLAIN.strategy))}
    told["column"] = mask_text(split.options.get("column", ""))
    if ranges := result.get("time", {}).get("ranges"):
        told["ranges"] = [(part, *ranges[part]) for part in PARTS if part in ranges]
    if found := result.get("file"):
        told["leaks"] = [(LEAKS[kind], count) for kind, count in found["leaked"].items() if kind in LEAKS]
        told["leaked"] = sum(found["leaked"].values())
        tests = DatasetVersion.objects.filter(pk=split.options.get("test")).select_related("dataset__project")
        told["test_version"] = tests.first()
    told["between"] = _between(result)
    if shares := result.get("shares"):
        # Classes are those of this version's rows: a test part from another file has no count of them.
        counted = PARTS[:2] if result.get("file") else PARTS
        rows = [
            (row["value"], [(row[part], row[part] / (split.rows(part) or 1)) for part in counted])
            for row in shares["values"]
        ]
        told["shares"] = shares | {"rows": rows, "parts": counted}
    return told


def _between(result: dict[str, Any]) -> dict[str, Any]:
    """Of each two parts how many rows of one stand in the other, by kind, and the first of them."""
    found = result.get("leaks", {}).get("between", [])
    kinds = [kind for kind in LEAKS if any(kind in each["kinds"] for each in found)]
    listed = [{**row, "part": each["parts"][0]} for each in found for row in each["listed"]]
    rows = [{**each, "counts": [each["kinds"][kind] for kind in kinds]} for each in found]
    return {"titles": [LEAKS[kind] for kind in kinds], "rows": rows, "listed": listed} if found else {}


def _launch_url(split: Split) -> str:
    """The launch form belongs to the room above this one: its address is asked for by name, not imported."""
    return f"{reverse('launch', args=[split.version.dataset.project_id])}?split={split.pk}"
