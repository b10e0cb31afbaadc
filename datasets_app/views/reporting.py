"""The audit as a report to take along: one HTML file that opens offline, and its findings as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, TypeVar

import orjson
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from datasets_app import audit_page, decisions, lineage, reports
from datasets_app.models import Audit, DatasetVersion
from datasets_app.views.versions import get_version
from engine.data.exports import cells
from engine.data.index import open_index
from engine.data.unusable import COLUMNS as UNUSABLE
from engine.data.unusable import unusable

Answer = TypeVar("Answer", bound=HttpResponseBase)
UNUSABLE_FORMS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

COLUMNS = (
    "code",
    "title",
    "severity",
    "count",
    "surplus",
    "measure",
    "threshold",
    "cannot_see",
    "why",
    "remedy",
    "first_lines",
)
BARS_WIDTH, BARS_HEIGHT = 600, 120


@require_GET
def report(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """Everything the audit page says, in one file without a request to anywhere: styles and pictures are inside."""
    found, audit = _audited(request, project_id, version_id)
    document = decisions.judged(found, audit)
    context: dict[str, Any] = {
        "version": found,
        "project": found.dataset.project,
        "audit": audit,
        "document": document,
        "made_at": timezone.now(),
        "how_made": lineage.how_made(found),
        "findings": reports.findings(document),
        "measures": audit_page.measures(document),
        "repairs": audit_page.top_repairs(document),
        "balance": audit_page.balance(document),
        "charts": [(name, bars(document[name])) for name in ("tokens", "characters") if document.get(name)],
    }
    response = render(request, "datasets_app/report.html", context)
    return _taken_along(response, found, "audit.html")


@require_GET
def findings_csv(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """The findings, one a line, for a spreadsheet; cells that would run as formulas are made harmless."""
    found, audit = _audited(request, project_id, version_id)
    lines = [cells.line(COLUMNS)]
    for finding in decisions.judged(found, audit)["findings"]:
        told = {**finding, "first_lines": " ".join(map(str, finding.get("lines", [])))}
        lines.append(cells.line(told.get(name) for name in COLUMNS))
    return _taken_along(HttpResponse(b"".join(lines), content_type="text/csv; charset=utf-8"), found, "findings.csv")


@require_GET
def unusable_lines(request: HttpRequest, project_id: int, version_id: int, form: str) -> StreamingHttpResponse:
    """Every line that cannot be used, with its byte offset and kind: ``form`` is csv or jsonl."""
    found, audit = _audited(request, project_id, version_id)
    if form not in UNUSABLE_FORMS or not (audit.folder / "index.sqlite").is_file():
        raise Http404("No such list of this version.")
    response = StreamingHttpResponse(_lines(found, audit, form), content_type=UNUSABLE_FORMS[form])
    return _taken_along(response, found, f"unusable.{form}")


def _lines(version: DatasetVersion, audit: Audit, form: str) -> Iterator[bytes]:
    if form == "csv":
        yield cells.line(UNUSABLE)
    container = (audit.document or {}).get("container", "jsonl")
    with closing(open_index(audit.folder / "index.sqlite")) as index:
        for line in unusable(version.path, container, index):
            yield cells.line(line[name] for name in UNUSABLE) if form == "csv" else orjson.dumps(line) + b"\n"


def bars(lengths: dict[str, Any]) -> dict[str, Any]:
    """A histogram as rectangles of an SVG picture, with what each of them counts."""
    edges, counts = lengths["histogram"]["edges"], lengths["histogram"]["counts"]
    most, step = max([*counts, 1]), BARS_WIDTH / max(1, len(counts))
    boxes = []
    for place, count in enumerate(counts):
        height = BARS_HEIGHT * count / most
        x, y = place * step, BARS_HEIGHT - height
        boxes.append(
            {
                "x": f"{x:.1f}",
                "y": f"{y:.1f}",
                "width": f"{step * 0.92:.1f}",
                "height": f"{height:.1f}",
                "from": edges[place],
                "to": edges[place + 1],
                "count": count,
            }
        )
    return {**lengths, "boxes": boxes, "width": BARS_WIDTH, "height": BARS_HEIGHT}


def _audited(request: HttpRequest, project_id: int, version_id: int) -> tuple[DatasetVersion, Audit]:
    found = get_version(request, project_id, version_id)
    audit = found.audited()
    if audit is None or audit.refused:
        raise Http404("This version has no finished audit.")
    return found, audit


def _taken_along(response: Answer, version: DatasetVersion, word: str) -> Answer:
    name = f"{version.dataset.name}-v{version.number}-{word}"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response
