"""The endpoints of a project: owners add and delete them, members test and use them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from engine.teachers import endpoint as asking
from models_app.forms import EndpointForm
from models_app.models import Endpoint
from models_app.sealing import Unreadable
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role

# A person waits for the test.
LONGEST_TEST_S = 20.0


@require_http_methods(["GET", "POST"])
def endpoints(request: HttpRequest, project_id: int) -> HttpResponse:
    """The list, and the form that adds one."""
    project = get_project(request, project_id, Role.READER if request.method == "GET" else Role.OWNER)
    assert isinstance(request.user, User)
    form = EndpointForm(request.POST if request.method == "POST" else None, project=project)
    if request.method == "POST" and form.is_valid():
        form.instance.created_by = request.user
        added = form.save()
        messages.success(request, f"{added.name} is saved. Test it before you use it.")
        return redirect("endpoints", project.pk)
    context = {
        "project": project,
        "endpoints": project.endpoints.select_related("created_by"),
        "form": form,
        "is_owner": project.role == Role.OWNER,
        "can_write": can_write(project.role),
    }
    return render(request, "models_app/endpoints.html", context, status=400 if form.is_bound else 200)


@require_POST
def test(request: HttpRequest, project_id: int, endpoint_id: int) -> HttpResponse:
    """Asks for one token and keeps what came of it."""
    project = get_project(request, project_id, Role.MEMBER)
    found = _get_endpoint(project, endpoint_id)
    passed, said = try_endpoint(found)
    now = timezone.now()
    Endpoint.objects.filter(pk=found.pk).update(tested_at=now, test_passed=passed, test_said=said[:600])
    if passed:
        messages.success(request, f"{found.name}: {said}")
    else:
        messages.error(request, f"{found.name}: {said}")
    return redirect("endpoints", project.pk)


@require_POST
def delete(request: HttpRequest, project_id: int, endpoint_id: int) -> HttpResponse:
    project = get_project(request, project_id, Role.OWNER)
    found = _get_endpoint(project, endpoint_id)
    found.delete()
    messages.success(request, f"{found.name} and its key are deleted. Revoke the key at the provider if it leaked.")
    return redirect("endpoints", project.pk)


def try_endpoint(found: Endpoint) -> tuple[bool, str]:
    """(whether it answered, what to say about it). One request of one token, not asked again."""
    try:
        where = as_asked(found)
    except Unreadable as error:
        return False, f"{error} Delete this endpoint and add it again."
    with asking.Client(where) as client:
        try:
            answer = client.ask_once([{"role": "user", "content": "Say yes."}], max_tokens=1)
        except asking.AskError as error:
            return False, f"{error.text} {error.remedy}"
    tokens = f", {answer.tokens_in} tokens in and {answer.tokens_out} out" if answer.tokens_in else ""
    return True, f"It answered in {answer.seconds:.1f} seconds{tokens}."


def as_asked(found: Endpoint) -> asking.Endpoint:
    """The endpoint with its key, for a request of this process. Raises Unreadable."""
    spec = found.for_engine()
    return asking.Endpoint(
        name=found.name,
        base_url=found.base_url,
        model=found.model,
        key=found.key(),
        per_minute=0,
        timeout_s=min(LONGEST_TEST_S, found.timeout_s),
        allow_private=spec["allow_private"],
    )


def _get_endpoint(project: Project, endpoint_id: int) -> Endpoint:
    found = Endpoint.objects.filter(project=project, pk=endpoint_id).first()
    if found is None:
        raise Http404("No such endpoint in this project.")
    return found
