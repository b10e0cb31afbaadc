"""The rows of a version: all of them, or those that a finding, a filter or a text picks out, in any order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from datasets_app import browsing, conversations, decisions, lineage, marks, reports
from datasets_app.models import Audit, DatasetVersion
from datasets_app.views.marks import attach
from datasets_app.views.versions import get_version
from engine.data.browse import open_audit
from engine.data.errors import DataError
from engine.data.index import number_at, open_index
from engine.data.rowtable import Where
from projects_app.access import can_write

PER_PAGE = 20


@require_GET
def rows(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """?finding, format, label, show, cluster, least, most, unit, q, sort, page. htmx gets the list alone; the address
    says the same either way."""
    found = get_version(request, project_id, version_id)
    audit = found.audits.filter(document__isnull=False).order_by("-id").first()
    asked = browsing.Asked.of(request.GET)
    context: dict[str, Any] = {
        "project": found.dataset.project,
        "version": found,
        "audit": audit,
        "line_words": lineage.line_words(found),
        "asked": asked.values,
        "code": asked.get("finding"),
        "query": asked.get("q"),
        "can_write": can_write(found.dataset.project.role),
    }
    if audit is not None and audit.document is not None and not audit.refused:
        context |= _listed(found, audit, audit.document, asked)
    is_part = bool(request.htmx)  # type: ignore[attr-defined]
    response = render(request, "datasets_app/rows.html#list" if is_part else "datasets_app/rows.html", context)
    if is_part:
        response["HX-Push-Url"] = request.path + asked.here
    return response


def _listed(version: DatasetVersion, audit: Audit, document: dict[str, Any], asked: browsing.Asked) -> dict[str, Any]:
    code, sort, query = asked.get("finding"), asked.get("sort"), asked.get("q")
    choices = browsing.choices(document)
    context: dict[str, Any] = {
        **choices,
        "tags": marks.tags_of(version.dataset),
        "finding": decisions.with_decision(reports.findings(document), code, version, audit),
        "cluster_all": browsing.cluster_size(document, asked.get("cluster")),
        "has_no_rows": code in reports.PLACES,
        "mendable": reports.operations_for(document, code) is not None,
        "chips": asked.chips(document),
        "more_open": any(asked.get(name) for name in ("format", "label", "show", "least", "most")),
    }
    try:
        with open_audit(version.path, audit.folder) as view:
            start = (asked.page - 1) * PER_PAGE
            wanted = _at_line(audit, asked.where(document), asked.get("line"))
            where = marks.narrowed(wanted, audit, version.dataset, asked.get("tag"), asked.get("reviewed"))
            page = view.page(search=query, where=where, sort=sort, offset=start, limit=PER_PAGE)
    except (DataError, OSError) as error:
        return {**context, "failed": error}
    # The engine has counted and cut already: the paginator only does the arithmetic of the links.
    pages = Paginator(range(page.total), PER_PAGE)
    grouped = bool(code) and not query and not sort
    shown = conversations.shown(page.rows, code=code, grouped=grouped)
    return {
        **context,
        "page": pages.get_page(asked.page),
        "capped": page.capped,
        "searched": page.searched if page.searched < 1 else None,
        "rows": attach(version, audit, shown) if asked.page <= pages.num_pages else [],
    }


def _at_line(audit: Audit, where: Where, line: str) -> Where:
    """``where`` with the one row that begins on a line, when one is asked for."""
    if not line:
        return where
    with closing(open_index(audit.folder / "index.sqlite")) as index:
        number = number_at(index, int(line))
    return replace(where, numbers=[number] if number is not None else [])
