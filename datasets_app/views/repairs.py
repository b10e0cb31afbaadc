"""Repairs: a button, the progress of the work, and the version it made."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from datasets_app import baskets
from datasets_app.models import Repair
from datasets_app.views import removing, repairing
from datasets_app.views.versions import get_version, is_poll
from projects_app.access import can_write, get_project
from projects_app.models import Role


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """The repair page. With ``remove`` (GET, or POST ``look``) one of its short ways, as a preview; a POST of such a
    way applies it."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    if "remove" in request.GET or "look" in request.POST:
        return removing.look(request, found)
    if request.method == "POST" and ("remove" in request.POST or not request.POST.keys() & {"preview", "apply"}):
        return removing.apply(request, found)
    return repairing.page(request, found)


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
