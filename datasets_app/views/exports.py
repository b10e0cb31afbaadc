"""A version in the form of another tool: what fits, what stays behind and why, and the file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice

import orjson
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from datasets_app import reports
from datasets_app.models import DatasetVersion
from datasets_app.views.versions import get_version
from engine.data.errors import FileRefused
from engine.data.export import Export, Left
from engine.data.exports import FORMS
from engine.data.mask import mask_text
from projects_app.access import can_write
from projects_app.models import Role

# The page looks at so many rows, which takes about a second; the two files it leads to are of all rows.
LOOKED_AT = 20_000
SHOWN_CHARACTERS = 1500
BLOCK = 1 << 18


@require_GET
def export(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """?form=NAME: how many rows fit into it, and how the first one looks there. ?values=plain leads to files in which
    personal data and secrets stand as they are, for members alone."""
    found = _version(request, project_id, version_id)
    name = request.GET.get("form", "openai")
    made = _export(found, name)
    context = {
        "project": found.dataset.project,
        "version": found,
        "can_write": can_write(found.dataset.project.role),
        "forms": reports.export_forms(),
        "form": next(form for form in reports.export_forms() if form["name"] == name),
        "plain": is_plain(request),
    }
    first: bytes = b""
    try:
        for item in islice(made, LOOKED_AT):
            # Where a form has a head the second line is the first row.
            first = (first or item) if isinstance(item, bytes) and made.rows_out else first
        context |= {"report": made.report(), "first": _shown(first), "sampled": made.rows_in >= LOOKED_AT}
    except FileRefused as error:
        context["refused"] = error
    return render(request, "datasets_app/export.html", context)


@require_GET
def download(request: HttpRequest, project_id: int, version_id: int, form: str) -> StreamingHttpResponse:
    """The rows that fit, streamed; personal data and secrets masked unless a member asks for ?values=plain."""
    found = _version(request, project_id, version_id)
    made = _export(found, form, mask=not is_plain(request))
    return _streamed(made, lambda item: item if isinstance(item, bytes) else b"", _name(found, form))


@require_GET
def left_out(request: HttpRequest, project_id: int, version_id: int, form: str) -> StreamingHttpResponse:
    """Every row that does not fit: its line and what was found."""
    found = get_version(request, project_id, version_id)
    made = _export(found, form)
    return _streamed(made, _as_line, _name(found, f"{form}-left-out"))


def is_plain(request: HttpRequest) -> bool:
    """Whether values are asked for as they are."""
    return request.GET.get("values") == "plain"


def _version(request: HttpRequest, project_id: int, version_id: int) -> DatasetVersion:
    return get_version(request, project_id, version_id, Role.MEMBER if is_plain(request) else Role.READER)


def _as_line(item: bytes | Left) -> bytes:
    if isinstance(item, bytes):
        return b""
    return orjson.dumps({"line": item.line, "reason": item.reason, "found": item.found}) + b"\n"


def _export(version: DatasetVersion, form: str, *, mask: bool = True) -> Export:
    if form not in FORMS or not version.path.is_file():
        raise Http404("No such form, or the file of this version is gone from the disk.")
    return Export(version.path, form, version.filename, mask=mask)


def _name(version: DatasetVersion, word: str) -> str:
    return f"{version.dataset.name}-v{version.number}-{word}" + (".csv" if word == "csv" else ".jsonl")


def _streamed(made: Export, line: Callable[[bytes | Left], bytes], filename: str) -> StreamingHttpResponse:
    kind = "text/csv; charset=utf-8" if filename.endswith(".csv") else "application/x-ndjson"
    response = StreamingHttpResponse(_blocks(iter(made), line), content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response


async def _blocks(items: Iterator[bytes | Left], line: Callable[[bytes | Left], bytes]) -> AsyncIterator[bytes]:
    """Blocks of lines, made in a thread: reading and writing rows must not hold up other pages."""

    def block() -> tuple[bytes, bool]:
        made = bytearray()
        for item in items:
            made += line(item)
            if len(made) >= BLOCK:
                return bytes(made), True
        return bytes(made), False

    going = True
    while going:
        made, going = await asyncio.to_thread(block)
        if made:
            yield made


def _shown(raw: bytes) -> str:
    """The row laid out, its addresses masked and its length bounded."""
    if not raw:
        return ""
    text = raw.decode() if raw[:1] != b"{" else json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    text = mask_text(text)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
