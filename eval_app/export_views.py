"""The rows of the current filter to take along: one HTML file that opens offline, JSON, or CSV for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from engine.data.exports import cells
from eval_app import summary
from eval_app.access import frame, get_evaluation
from eval_app.asked import Asked
from eval_app.deciding import deciding
from eval_app.models import Evaluation
from eval_app.notes import dataset_of
from eval_app.side_by_side import Answer, Entry, entries

PART = 100
"""Rows fetched, marked and sent at a time: memory is that of a part, whatever the number of rows."""
SCHEMA_VERSION = 1
COLUMNS = (
    "row", "line", "row_id", "prompt", "reference", "system", "kind", "output", "right", "against_baseline", "refused",
    "invalid_format", "problem", "seconds", "tokens_in", "tokens_out", "cost", "tags", "notes",
)  # fmt: skip
Parts = Iterator[list[Entry]]


@require_GET
def download(request: HttpRequest, project_id: int, evaluation_id: int, form: str) -> StreamingHttpResponse:
    """All rows of the filter in the address, in its order; the systems shown and no other."""
    found = get_evaluation(request, project_id, evaluation_id)
    if form not in FORMS or not found.results:
        raise Http404("No such form, or this evaluation has no results yet.")
    asked = Asked.read(found, request.GET)
    positions = asked.sequence(asked.narrowed(found, dataset_of(found).pk))
    kind, write = FORMS[form]
    parts = (entries(found, asked, positions[at : at + PART]) for at in range(0, len(positions), PART))
    response = StreamingHttpResponse(_blocks(write(found, asked, len(positions), parts)), content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, f"evaluation-{found.pk}-rows.{form}")
    return response


async def _blocks(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each block is made in the thread that may ask the database, so that other pages are not held up."""

    def following() -> bytes | None:
        return next(blocks, None)

    while (block := await sync_to_async(following)()) is not None:
        yield block


def as_html(found: Evaluation, asked: Asked, n: int, parts: Parts) -> Iterator[bytes]:
    context = {
        **frame(found),
        "asked": asked,
        "n": n,
        "by": deciding(found.results),
        "table": summary.lines(found, asked),
        "made_at": timezone.now(),
        "against": next((one.name for one in asked.systems if one.key == asked.against), asked.against),
    }
    yield render_to_string("eval_app/export_head.html", context).encode()
    for part in parts:
        yield render_to_string("eval_app/export_rows.html", {**context, "entries": part}).encode("utf-8", "replace")
    yield b"</body></html>\n"


def as_json(found: Evaluation, asked: Asked, n: int, parts: Parts) -> Iterator[bytes]:
    """One document, written as it is read: ``rows`` is its last member."""
    results = found.results
    head = {
        "schema_version": SCHEMA_VERSION,
        "evaluation": {"id": found.pk, "name": found.name, "project": found.project.name},
        "filter": asked.words,
        "n": n,
        "of": results["n"],
        "deciding_metric": deciding(results).name,
        "baseline": asked.baseline.key,
        "candidate": asked.candidate.key,
        "systems": {
            one.key: {"name": one.name, "kind": one.kind, **results["systems"].get(one.key, {})} for one in asked.shown
        },
        "comparisons": results["comparisons"],
    }
    yield json.dumps(head, ensure_ascii=False)[:-1].encode("utf-8", "replace") + b', "rows": ['
    between = b"\n"
    for part in parts:
        for entry in part:
            yield between + json.dumps(_row(entry), ensure_ascii=False).encode("utf-8", "replace")
            between = b",\n"
    yield b"\n]}\n"


def as_csv(found: Evaluation, asked: Asked, n: int, parts: Parts) -> Iterator[bytes]:
    """One line for each row and system; the metrics stand in columns of their own."""
    metrics = dict.fromkeys(name for one in found.results["systems"].values() for name in one["metrics"])
    yield cells.line([*COLUMNS, *metrics])
    for part in parts:
        yield b"".join(
            cells.line([*_cells(entry, answer), *_scores(answer, metrics)])
            for entry in part
            for answer in entry.answers
            if answer.output
        )


FORMS: dict[str, tuple[str, Callable[[Evaluation, Asked, int, Parts], Iterator[bytes]]]] = {
    "html": ("text/html; charset=utf-8", as_html),
    "json": ("application/json", as_json),
    "csv": ("text/csv; charset=utf-8", as_csv),
}


def _row(entry: Entry) -> dict[str, Any]:
    row = entry.row
    return {
        "row": entry.number,
        "line": row.line,
        "row_id": row.row_id,
        "messages": row.messages,
        "reference": row.reference,
        "facts": row.facts,
        "tags": entry.marks.tags,
        "notes": [
            {"text": note.text, "by": note.by.get_username(), "at": note.at.isoformat()} for note in entry.marks.notes
        ],
        "outputs": {answer.system.key: _answer(answer) for answer in entry.answers if answer.output},
    }


def _answer(answer: Answer) -> dict[str, Any]:
    output = answer.output
    assert output is not None
    return {
        "text": output.text,
        "scores": output.scores,
        "right": output.right,
        "against_baseline": answer.outcome or None,
        "refused": output.refused,
        "invalid_format": output.invalid,
        "problem": output.problem,
        "retrieved": output.retrieved,
        "seconds": output.latency_s,
        "first_token_s": output.first_token_s,
        "cost": output.cost,
        "tokens_in": output.tokens_in,
        "tokens_out": output.tokens_out,
    }


def _cells(entry: Entry, answer: Answer) -> list[object]:
    row, output = entry.row, answer.output
    assert output is not None
    prompt = "\n\n".join(f"{turn.get('role', '')}: {turn.get('content') or ''}" for turn in entry.asked)
    notes = " | ".join(f"{note.by.get_username()}: {note.text}" for note in entry.marks.notes)
    return [
        entry.number, row.line, row.row_id, prompt, row.reference, answer.system.name, answer.system.kind, output.text,
        _yes(output.right), answer.outcome_words, _yes(output.refused), _yes(output.invalid), output.problem,
        output.latency_s, output.tokens_in, output.tokens_out, output.cost, ", ".join(entry.marks.tags), notes,
    ]  # fmt: skip


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _scores(answer: Answer, metrics: dict[str, None]) -> list[object]:
    assert answer.output is not None
    return [answer.output.scores.get(name) for name in metrics]
