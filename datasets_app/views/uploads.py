"""A tus 1.0 server (creation and termination): files arrive in slices and resume where they stopped.

The bound on a slice stands in workbench/asgi.py, which knows these addresses by ``/uploads/`` in the path.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from datasets_app import receiving
from datasets_app.models import DatasetVersion, Upload
from datasets_app.receiving import UploadRefused
from projects_app.access import get_project
from projects_app.models import Role

View = Callable[..., HttpResponse]
VERSION = "1.0.0"
SLICE_TYPE = "application/offset+octet-stream"


def speaks_tus(view: View) -> View:
    """Puts the protocol's headers on every answer; a refusal becomes its status with found and remedy as JSON."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except UploadRefused as refused:
            response = JsonResponse({"found": refused.found, "remedy": refused.remedy}, status=refused.status)
        response["Tus-Resumable"] = response["Tus-Version"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return answer


@require_http_methods(["OPTIONS", "POST"])
@speaks_tus
def uploads(request: HttpRequest, project_id: int) -> HttpResponse:
    """OPTIONS: what this server can do. POST: begins an upload of Upload-Length bytes; Location says where it goes."""
    project = get_project(request, project_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if request.method == "OPTIONS":
        room = str(max(0, receiving.free_bytes()))
        return HttpResponse(status=204, headers={"Tus-Extension": "creation,termination", "Tus-Max-Size": room})
    _check_protocol(request)
    size = _whole_number(request, "Upload-Length")
    filename = _metadata(request.headers.get("Upload-Metadata", "")).get("filename", "data.jsonl")
    upload = receiving.begin(project, request.user, filename=filename, size=size)
    location = reverse("upload", args=[project.pk, upload.key])
    return HttpResponse(status=201, headers={"Location": location, "Upload-Offset": "0"})


@require_http_methods(["HEAD", "PATCH", "DELETE"])
@speaks_tus
def upload(request: HttpRequest, project_id: int, key: UUID) -> HttpResponse:
    """HEAD: where it stands. PATCH: the next slice. DELETE: forget it. The last answer names the version it became."""
    project = get_project(request, project_id, Role.MEMBER)
    found = Upload.objects.filter(project=project, key=key, created_by_id=request.user.pk).first()
    if found is None:
        raise Http404("No such upload.")
    _check_protocol(request)
    if request.method == "DELETE":
        receiving.discard(found)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        if request.content_type != SLICE_TYPE:
            raise UploadRefused(415, f"A slice comes as {SLICE_TYPE}.", "Upload with the zone on the Data page.")
        receiving.append(found, _whole_number(request, "Upload-Offset"), _blocks(request))
    return _where_it_stands(request, found)


@require_POST
def discard(request: HttpRequest, project_id: int, key: UUID) -> HttpResponse:
    """Throws away a file that could not be unpacked, or whose unpacking was stopped."""
    project = get_project(request, project_id, Role.MEMBER)
    found = Upload.objects.filter(project=project, key=key, version=None, run__isnull=False).first()
    if found is not None:  # a second click finds it gone
        try:
            receiving.discard(found)
        except UploadRefused as why:
            messages.error(request, f"{why.found} {why.remedy}")
    return redirect("data", project.pk)


def _where_it_stands(request: HttpRequest, upload: Upload) -> HttpResponse:
    version, offset = upload.version, upload.offset
    # HEAD may be what finds a whole file: the server was killed, or its answer lost, after the last slice.
    if version is None and offset == upload.size:
        version = receiving.finish(upload)
    response = HttpResponse(
        status=200 if request.method == "HEAD" else 204,
        headers={"Upload-Offset": str(upload.size if version else offset), "Upload-Length": str(upload.size)},
    )
    if version is not None:
        _name_version(response, version)
    elif upload.run is not None:  # a packed file that takes long: the Data page shows how far it is
        response["X-Upload-Next"] = reverse("data", args=[upload.project_id])
    return response


def _name_version(response: HttpResponse, version: DatasetVersion) -> None:
    # Of what was sent: a packed file is stored as the rows it holds, which have a digest of their own.
    response["X-Upload-Sha256"] = version.operation.get("sha256", version.sha256)
    response["X-Upload-Next"] = version.get_absolute_url()


def _blocks(request: HttpRequest) -> Iterator[bytes]:
    left = settings.UPLOAD_SLICE_BYTES
    while block := request.read(1 << 20):
        left -= len(block)
        if left < 0:
            raise UploadRefused(413, "The slice is larger than 8 MB.", "Send smaller slices.")
        yield block


def _check_protocol(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise UploadRefused(412, "This address speaks tus 1.0.0.", "Upload with the zone on the Data page.")


def _whole_number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise UploadRefused(400, f"The header {header} holds no byte count.", "Upload with the zone on the Data page.")
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """``filename d29ya.., type dGV4dA==`` → names and decoded values; what cannot be decoded is left out."""
    found: dict[str, str] = {}
    for pair in header[:8192].split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found
