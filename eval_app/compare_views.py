"""The rows of an evaluation, its systems side by side; the address is the filter, the order and the page."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from engine.differences import MOST_PIECES
from engine.evaluation.slices import SLICED_BY
from eval_app import summary
from eval_app.access import frame, get_evaluation
from eval_app.asked import NOTHING, ORDERS, REFERENCE, SHOWS, Asked
from eval_app.deciding import deciding
from eval_app.models import Evaluation, RowFact
from eval_app.notes import dataset_of, tags_in
from eval_app.side_by_side import entries
from projects_app.models import Role

EXPORTS = (("html", "HTML, to read offline"), ("json", "JSON"), ("csv", "CSV, for a spreadsheet"))
ROWS_A_PAGE = 10
MOST_SLICES = 60
"""Values of one kind of slice that the form offers, the largest first; the address takes any."""


@require_GET
def compare(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    """Rows side by side, a page at a time. Query string: eval_app/asked.py."""
    found = get_evaluation(request, project_id, evaluation_id)
    if not found.results:
        return redirect(found)
    asked = Asked.read(found, request.GET)
    rows = asked.narrowed(found, dataset_of(found).pk)
    counts = asked.counts(rows)
    page = Paginator(asked.sequence(rows), ROWS_A_PAGE).get_page(request.GET.get("page"))
    table = summary.lines(found, asked)
    context = {
        **_shared(request, found, asked),
        "page": page,
        "entries": entries(found, asked, page.object_list),
        "counts": counts,
        "shows": [(key, show, counts[key]) for key, show in SHOWS.items()],
        "orders": ORDERS,
        "next_seed": asked.seed + 1 if asked.order == "random" else asked.seed,
        "table": table,
        "chart": summary.chart(asked, table),
        "slices": _slices(found),
        "tags": tags_in(found),
        "reference": REFERENCE,
        "nothing": NOTHING,
        "chips": _chips(request.GET, asked),
        "exports": EXPORTS,
    }
    return render(request, "eval_app/compare.html", context)


@require_GET
def row(request: HttpRequest, project_id: int, evaluation_id: int, number: int) -> HttpResponse:
    """One row in full; next and previous go through the filter and the order of the list it was opened from."""
    found, asked, position = get_row(request, project_id, evaluation_id, number)
    (entry,) = entries(found, asked, [position], MOST_PIECES)
    places = asked.sequence(asked.narrowed(found, dataset_of(found).pk))
    place = places.index(position) if position in places else None
    back = request.GET.copy()
    if place is not None and place >= ROWS_A_PAGE:
        back["page"] = str(place // ROWS_A_PAGE + 1)
    context = {
        **_shared(request, found, asked),
        "entry": entry,
        "place": None if place is None else place + 1,
        "total": len(places),
        "previous": places[place - 1] + 1 if place else None,
        "next": places[place + 1] + 1 if place is not None and place + 1 < len(places) else None,
        "back": back.urlencode(),
    }
    return render(request, "eval_app/compare_row.html", context)


def get_row(
    request: HttpRequest, project_id: int, evaluation_id: int, number: int, role: Role = Role.READER
) -> tuple[Evaluation, Asked, int]:
    """The evaluation, what the address asks, and the row's position. Raises Http404 where there is no such row."""
    found = get_evaluation(request, project_id, evaluation_id, role)
    if not found.results or not found.rows.filter(position=number - 1).exists():
        raise Http404("This evaluation has no such row.")
    return found, Asked.read(found, request.GET), number - 1


def _shared(request: HttpRequest, found: Evaluation, asked: Asked) -> dict[str, Any]:
    query = request.GET.copy()
    query.pop("page", None)
    return {
        **frame(found),
        "asked": asked,
        "by": deciding(found.results),
        "query": query.urlencode(),
        "here": request.get_full_path(),
    }


def _slices(found: Evaluation) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """The slices of this evaluation's rows by kind and its words, each value with its number of rows."""
    kinds: dict[str, list[tuple[str, int]]] = {}
    counted = RowFact.objects.filter(row__evaluation=found).values_list("by", "value").annotate(n=Count("pk"))
    for by, value, n in counted.order_by("by", "-n", "value"):
        kinds.setdefault(by, []).append((value, n))
    return [(by, SLICED_BY[by], kinds[by][:MOST_SLICES]) for by in SLICED_BY if by in kinds]


def _chips(get: QueryDict, asked: Asked) -> list[tuple[str, str]]:
    """What narrows the rows besides the filter, in words, each with the address without it."""
    told = [
        ("slice", asked.slice_words),
        ("tag", f"tag {asked.tag}" if asked.tag else ""),
        ("q", f"containing “{asked.query}”" if asked.query else ""),
    ]
    chips = []
    for name, words in told:
        if words:
            without = get.copy()
            without.pop(name, None)
            without.pop("page", None)
            chips.append((words, without.urlencode()))
    return chips
