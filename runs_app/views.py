"""What every run's page asks for: its state, its events, its live stream, its log; and the buttons it has."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET, require_POST

from projects_app.access import can_write, get_project
from projects_app.models import Role
from runs_app import dispatching, live, logs
from runs_app.models import ENDED, Run, Wanted

EVENTS_A_PAGE = 2000


def get_run(request: HttpRequest, project_id: int, run_id: int, need: Role = Role.READER) -> Run:
    """The run, reached through its project. Raises Http404 for strangers, PermissionDenied below ``need``."""
    project = get_project(request, project_id, need)
    run = Run.objects.filter(project=project, pk=run_id).first()
    if run is None:
        raise Http404("No such run in this project.")
    run.project = project
    return run


@require_GET
def run(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """Sends on to the page of what the run is for: the training, the evaluation, the data version."""
    found = get_run(request, project_id, run_id)
    return redirect(import_string(settings.RUN_KINDS[found.kind]["recorder"])().page_of(found))


@require_GET
def state(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """The run's state as a fragment: badge, progress, what it is doing, the buttons that make sense now."""
    found = get_run(request, project_id, run_id)
    return render(request, "runs_app/_state.html", {"run": found, "can_write": can_write(found.project.role)})


@require_GET
def events(request: HttpRequest, project_id: int, run_id: int) -> JsonResponse:
    """Events after sequence number ``after``, at most a page of them, and the number to ask with next."""
    found = get_run(request, project_id, run_id)
    after = _number(request.GET.get("after"))
    rows = found.events.filter(seq__gt=after).order_by("seq")[: EVENTS_A_PAGE + 1]
    answer = [row.as_event() for row in rows]
    more = len(answer) > EVENTS_A_PAGE
    answer = answer[:EVENTS_A_PAGE]
    return JsonResponse(
        {
            "events": answer,
            "next": answer[-1]["seq"] if answer else after,
            "more": more,
            "status": found.status,
            "ended": found.has_ended,
        }
    )


async def stream(request: HttpRequest, project_id: int, run_id: int) -> HttpResponseBase:
    """The live stream. Permission is checked before it begins; nothing in it touches the database."""
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    found = await sync_to_async(get_run)(request, project_id, run_id)
    after = max(_number(request.headers.get("Last-Event-ID")), _number(request.GET.get("after")))
    response = StreamingHttpResponse(live.stream(found.pk, after), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


@require_GET
def log(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """The last lines of the console log, or those that contain ``q``; hostile text is shown as text."""
    found = get_run(request, project_id, run_id)
    query = request.GET.get("q", "")[:200]
    context = {"run": found, "query": query, "log": "\n".join(logs.tail(found.directory / "console.log", query))}
    return render(request, "runs_app/_log.html", context)


@require_GET
def download_log(request: HttpRequest, project_id: int, run_id: int) -> HttpResponseBase:
    found = get_run(request, project_id, run_id)
    chunks = logs.chunks(found.directory / "console.log")
    response = StreamingHttpResponse(chunks, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{found.pk}.log"'
    return response


@require_POST
def stop(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """Stop, or Stop and save. Twice from two tabs is once."""
    found = get_run(request, project_id, run_id, Role.MEMBER)
    wanted = Wanted.SAVE if request.POST.get("how") == "save" else Wanted.STOP
    if found.ask(wanted):
        found.refresh_from_db()
        live.publish_state(found)
    elif found.has_ended:
        messages.info(request, f"Run {found.pk} had already ended.")
    return redirect(found)


@require_POST
def retry(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """Puts an ended run that did not succeed back into the queue; it resumes from its last checkpoint if it has one."""
    found = get_run(request, project_id, run_id, Role.MEMBER)
    if found.put_back():
        dispatching.ring()
    return redirect(found)


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Every job of every project the person may see."""
    mine = Run.objects.visible_to(request.user).select_related("project", "created_by")
    context = {
        "active": mine.active().order_by("started_at", "id"),
        "queued": mine.queued(),
        "ended": mine.filter(status__in=ENDED).order_by("-ended_at")[:50],
        "slots": dispatching.exclusive_slots(),
        "host": dispatching.HOST,
    }
    return render(request, "runs_app/queue.html", context)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 16 else 0
