"""Making a project, its overview and its settings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects_app.access import can_write, get_project
from projects_app.forms import PersonForm, ProjectForm
from projects_app.models import Membership, Project, Role


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        project = form.save(commit=False)
        add_project(project, request.user)
        return redirect("data", project.pk)
    return render(request, "projects_app/new.html", {"form": form}, status=400 if form.is_bound else 200)


def add_project(project: Project, user: User) -> Project:
    """Saves a new project with ``user`` as its owner."""
    with transaction.atomic():
        project.created_by = user
        project.save()
        Membership.objects.create(project=project, user=user, role=Role.OWNER)
    return project


@require_GET
def project(request: HttpRequest, project_id: int) -> HttpResponse:
    found = get_project(request, project_id)
    recent = found.runs.select_related("project")[:8]
    context = {"project": found, "can_write": can_write(found.role), "recent": recent}
    return render(request, "projects_app/project.html", context)


@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, project_id: int) -> HttpResponse:
    found = get_project(request, project_id, Role.READER if request.method == "GET" else Role.MEMBER)
    form = ProjectForm(request.POST if request.method == "POST" else None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.instance.save(update_fields=[*form.cleaned_data])
        messages.success(request, "Saved.")
        return redirect("project_settings", found.pk)
    return _settings(request, found, form, PersonForm())


@require_POST
def add_person(request: HttpRequest, project_id: int) -> HttpResponse:
    found = get_project(request, project_id, Role.OWNER)
    form = PersonForm(request.POST)
    if form.is_valid():
        person = User.objects.filter(username=form.cleaned_data["username"], is_active=True).first()
        if person is None:
            form.add_error("username", "Nobody here has this name. An administrator adds people on the People page.")
        elif _is_last_owner(found, person) and form.cleaned_data["role"] != Role.OWNER:
            form.add_error("role", "A project keeps at least one owner.")
        else:
            Membership.objects.update_or_create(
                project=found, user=person, defaults={"role": form.cleaned_data["role"]}
            )
            messages.success(request, f"{person.username} is now {form.cleaned_data['role']} of this project.")
            return redirect("project_settings", found.pk)
    return _settings(request, found, ProjectForm(instance=found), form)


@require_POST
def remove_person(request: HttpRequest, project_id: int) -> HttpResponse:
    found = get_project(request, project_id, Role.OWNER)
    person = User.objects.filter(username=request.POST.get("username", "")).first()
    if person is not None and _is_last_owner(found, person):
        messages.error(request, "A project keeps at least one owner. Make somebody else an owner first.")
    elif person is not None and found.memberships.filter(user=person).delete()[0]:
        messages.success(request, f"{person.username} is no longer a member of this project.")
    return redirect("project_settings", found.pk)


def _settings(request: HttpRequest, project: Project, form: ProjectForm, person_form: PersonForm) -> HttpResponse:
    context = {
        "project": project,
        "form": form,
        "person_form": person_form,
        "members": project.memberships.select_related("user").order_by("user__username"),
        "role": project.role,
        "can_write": can_write(project.role),
    }
    bad = form.errors or person_form.errors
    return render(request, "projects_app/settings.html", context, status=400 if bad else 200)


def _is_last_owner(project: Project, person: User) -> bool:
    owners = set(project.memberships.filter(role=Role.OWNER).values_list("user_id", flat=True))
    return owners == {person.pk}
