"""The rows of a version: all, those of one finding, those that hold a text."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from datasets_app import conversations, reports
from datasets_app.views.versions import get_version
from engine.data.browse import Page, open_audit
from engine.data.errors import DataError
from projects_app.access import can_write

PER_PAGE = 20


@require_GET
def rows(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """?finding=CODE&q=TEXT&page=N. htmx gets the list alone; the address says the same either way."""
    found = get_version(request, project_id, version_id)
    audit = found.audits.filter(document__isnull=False).order_by("-id").first()
    code, query = request.GET.get("finding", "")[:60], request.GET.get("q", "").strip()[:200]
    context: dict[str, Any] = {
        "project": found.dataset.project,
        "version": found,
        "audit": audit,
        "code": code,
        "query": query,
        "can_write": can_write(found.dataset.project.role),
    }
    if audit is not None and audit.document is not None and not audit.refused:
        context["findings"] = known = reports.findings(audit.document)
        context["finding"] = next((finding for finding in known if finding["code"] == code), None)
        context["mendable"] = reports.operations_for(audit.document, code) is not None
        number = _number(request.GET.get("page"))
        try:
            with open_audit(found.path, audit.folder) as view:
                page = view.page(finding=code or None, search=query, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
        except (DataError, OSError) as error:
            context["failed"] = error
        else:
            context |= _page(page, number, code=code, grouped=bool(code) and not query)
    template = "datasets_app/rows.html#list" if request.htmx else "datasets_app/rows.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _page(page: Page, number: int, *, code: str, grouped: bool) -> dict[str, Any]:
    # The engine has counted and cut already: the paginator only does the arithmetic of the links.
    pages = Paginator(range(page.total), PER_PAGE)
    return {
        "page": pages.get_page(number),
        "capped": page.capped,
        "rows": conversations.shown(page.rows, code=code, grouped=grouped) if number <= pages.num_pages else [],
    }


def _number(text: str | None) -> int:
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 10 else 1
