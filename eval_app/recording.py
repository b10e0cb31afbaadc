"""Taking an evaluation's files into rows: each figure on a page can then be opened, filtered and linked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.evaluation.refusals import refuses
from engine.evaluation.slices import SLICED_BY
from engine.events import plain
from eval_app.deciding import Measure, deciding, is_right, outcome, score
from eval_app.judge_choice import judge_key
from eval_app.launching import keys_of
from eval_app.models import Evaluation, EvaluationRow, Output, RowFact, System
from eval_app.verdicts import first_verdict
from runs_app.models import Run
from runs_app.recording import Recorder

BATCH = 500
FORMATS = ("json_valid", "json_schema")
"""Metrics that say whether an answer has the form that was asked for."""
LONGEST_VALUE = 200


class EvaluationRecorder(Recorder):
    def environment(self, run: Run) -> dict[str, str]:
        """The keys of its endpoints, the judge's among them."""
        return {**keys_of(run.evaluation), **judge_key(run)}

    def page_of(self, run: Run) -> str:
        return run.evaluation.get_absolute_url()

    def on_success(self, run: Run) -> None:
        evaluation = Evaluation.objects.get(run=run)
        results = plain(json.loads((run.directory / "results.json").read_text(encoding="utf-8")))
        evaluation.rows.all().delete()
        _store(evaluation, run.directory, results)
        evaluation.results = results
        evaluation.save(update_fields=["results"])
        first_verdict(evaluation)


def _store(evaluation: Evaluation, folder: Path, results: dict[str, Any]) -> None:
    systems = {system.key: system for system in evaluation.systems.all()}
    by, baseline = deciding(results), results["baseline"]
    outputs: dict[int, dict[str, dict[str, Any]]] = {}
    for line in _lines(folder / "outputs.jsonl"):
        outputs.setdefault(line["row"], {})[line["system"]] = line
    rows = [
        EvaluationRow(
            evaluation=evaluation,
            position=line["row"],
            row_id=line["row_id"],
            line=line["line"],
            messages=line["messages"],
            reference=line["reference"],
            facts=line.get("facts") or {},
        )
        for line in _lines(folder / "rows.jsonl")
    ]
    made = EvaluationRow.objects.bulk_create(rows, batch_size=BATCH)
    facts = [RowFact(row=row, by=by, value=value) for row in made for by, value in slices_of(row.facts)]
    RowFact.objects.bulk_create(facts, batch_size=BATCH)
    Output.objects.bulk_create(
        [
            _output(row, systems[key], line, answers.get(baseline), by)
            for row in made
            for answers in [outputs[row.position]]
            for key, line in answers.items()
            if key in systems
        ],
        batch_size=BATCH,
    )


def _output(
    row: EvaluationRow, system: System, line: dict[str, Any], baseline: dict[str, Any] | None, by: Measure
) -> Output:
    found = score(by, line["scores"])
    return Output(
        row=row,
        system=system,
        text=line["text"],
        scores=line["scores"],
        score=found,
        right=is_right(by, found),
        outcome=outcome(by, score(by, baseline["scores"]), found) if baseline and line is not baseline else "",
        # An engine that did not look says no as well.
        refused=bool(line.get("refused")) or refuses(line["text"]),
        invalid=is_invalid(line["scores"]),
        problem=line.get("problem") or "",
        retrieved=line.get("retrieved"),
        latency_s=line["latency_s"],
        first_token_s=line.get("first_token_s"),
        cost=line.get("cost"),
        tokens_in=line["tokens_in"],
        tokens_out=line["tokens_out"],
    )


def is_invalid(scores: dict[str, Any]) -> bool:
    """Whether a measure of form was taken and not met."""
    return any(scores.get(name) is not None and scores[name] < 1 for name in FORMATS)


def slices_of(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The slices a row lies in, as (by, value): a fact that is a list is one for each of its words."""
    found: dict[tuple[str, str], None] = {}
    for by in SLICED_BY:
        value = facts.get(by)
        for one in value if isinstance(value, list) else [value]:
            if one or one == 0:
                found[by, str(one)[:LONGEST_VALUE]] = None
    return list(found)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield plain(json.loads(line))
