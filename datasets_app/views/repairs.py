"""Repairs: a button, the progress of the work, and the version it made."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from datasets_app import baskets, decisions, launching, reports
from datasets_app.models import DatasetVersion, Repair
from datasets_app.views import repairing
from datasets_app.views.versions import get_version, is_poll, render_version
from projects_app.access import can_write, get_project
from projects_app.models import Role


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """The repair page. A POST from elsewhere is one of its short ways: it removes exact duplicates and unusable rows,
    or with ``finding`` the rows of that finding alone."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if request.method == "GET" or "preview" in request.POST or "apply" in request.POST:
        return repairing.page(request, found)
    try:
        operations = _operations(found, request.POST.get("finding", ""))
        repair = launching.start_repair(found, operations, request.user)
    except launching.NotReady as why:
        return render_version(request, found, note=str(why))
    return redirect(repair)


def _operations(version: DatasetVersion, code: str) -> list[dict[str, Any]]:
    audit = launching.audit_of(version)
    document = decisions.judged(version, audit)
    removal = reports.removal(document)
    operations = reports.operations_for(document, code) if code else removal.operations
    if operations is None:
        raise launching.NotReady("The rows of this finding are not taken out by a button; mend them in the file.")
    if not code and not removal.makes_sense:
        raise launching.NotReady(
            "There is nothing to remove: no unusable row and no exact duplicate."
            if removal.stay
            else "No row would be left. Mend the file and upload it again."
        )
    return operations if not code else reports.sparing(operations, document)


@require_GET
def repair(request: HttpRequest, project_id: int, repair_id: int) -> HttpResponse:
    """Progress while it runs; then it sends on to the new version."""
    project = get_project(request, project_id)
    known = Repair.objects.filter(version__dataset__project=project, pk=repair_id)
    assert isinstance(request.user, User)
    found = known.select_related("run", "child", "version__dataset").first()
    if found is None:
        raise Http404("No such repair in this project.")
    context = {
        "project": project,
        "repair": found,
        "run": found.run,
        "can_write": can_write(project.role),
        "kept": baskets.of(found.version, request.user).filter(repair=found).count(),
    }
    if is_poll(request):
        if found.child is not None:
            return HttpResponseClientRedirect(found.child.get_absolute_url())
        if found.run.has_ended:
            return HttpResponseClientRefresh()
        return render(request, "datasets_app/_progress_run.html", context)
    if found.child is not None:
        return redirect(found.child)
    return render(request, "datasets_app/repair.html", context)
