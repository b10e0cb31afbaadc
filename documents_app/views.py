"""The documents of a project: everybody in it reads them, members add and delete."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents_app.keeping import MOST_BYTES, MOST_BYTES_IN_ALL, MOST_DOCUMENTS, add_documents, delete_document
from documents_app.models import Document
from engine.data.documents import FORMS
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role

SHOWN_CHARACTERS = 200_000


@require_http_methods(["GET", "POST"])
def documents(request: HttpRequest, project_id: int) -> HttpResponse:
    """The list, and the form that adds files to it."""
    project = get_project(request, project_id, Role.READER if request.method == "GET" else Role.MEMBER)
    assert isinstance(request.user, User)
    refused: list[str] = []
    if request.method == "POST":
        files = request.FILES.getlist("files")
        added, errors = add_documents(project, request.user, files)
        if added:
            messages.success(request, f"{len(added)} document{'s' * (len(added) != 1)} added.")
        if added and not errors:
            return redirect("documents", project.pk)
        refused = [f"{error.found} {error.remedy}" for error in errors] or ["Choose one file or more."]
    held = project.documents.aggregate(size=Sum("size"), words=Sum("words"))
    context = {
        "project": project,
        "documents": project.documents.select_related("created_by"),
        "held": held,
        "refused": refused,
        "can_write": can_write(project.role),
        "accept": ",".join(FORMS),
        "most": {"file": MOST_BYTES, "all": MOST_BYTES_IN_ALL, "count": MOST_DOCUMENTS},
    }
    return render(request, "documents_app/documents.html", context, status=400 if refused else 200)


@require_GET
def document(request: HttpRequest, project_id: int, document_id: int) -> HttpResponse:
    project = get_project(request, project_id)
    found = get_document(project, document_id)
    try:
        text = found.text()
    except FileNotFoundError:
        text = ""
    context = {
        "project": project,
        "document": found,
        "text": text[:SHOWN_CHARACTERS],
        "left_out": max(0, len(text) - SHOWN_CHARACTERS),
        "can_write": can_write(project.role),
    }
    return render(request, "documents_app/document.html", context)


@require_POST
def delete(request: HttpRequest, project_id: int, document_id: int) -> HttpResponse:
    project = get_project(request, project_id, Role.MEMBER)
    found = get_document(project, document_id)
    name = found.name
    delete_document(found)
    messages.success(request, f"{name} is deleted.")
    return redirect("documents", project.pk)


def get_document(project: Project, document_id: int) -> Document:
    found = Document.objects.filter(project=project, pk=document_id).first()
    if found is None:
        raise Http404("No such document in this project.")
    return found
