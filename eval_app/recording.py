"""Taking an evaluation's files into rows: each figure on a page can then be opened, filtered and linked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.evaluation.metrics import METRICS
from engine.events import plain
from eval_app.models import Evaluation, EvaluationRow, Output
from runs_app.models import Run
from runs_app.recording import Recorder

BATCH = 500


class EvaluationRecorder(Recorder):
    def page_of(self, run: Run) -> str:
        return run.evaluation.get_absolute_url()

    def on_success(self, run: Run) -> None:
        evaluation = Evaluation.objects.get(run=run)
        results = json.loads((run.directory / "results.json").read_text(encoding="utf-8"))
        evaluation.rows.all().delete()
        _store(evaluation, run.directory, results["primary_metric"])
        evaluation.results = results
        evaluation.save(update_fields=["results"])


def _store(evaluation: Evaluation, folder: Path, primary: str) -> None:
    systems = {system.key: system for system in evaluation.systems.all()}
    baseline = next(key for key, system in systems.items() if system.is_baseline)
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
            outcome=outcome(outputs[line["row"]], baseline, primary),
        )
        for line in _lines(folder / "rows.jsonl")
    ]
    made = EvaluationRow.objects.bulk_create(rows, batch_size=BATCH)
    Output.objects.bulk_create(
        [
            Output(
                row=row,
                system=systems[key],
                text=line["text"],
                scores=line["scores"],
                latency_s=line["latency_s"],
                tokens_in=line["tokens_in"],
                tokens_out=line["tokens_out"],
            )
            for row in made
            for key, line in outputs[row.position].items()
            if key in systems
        ],
        batch_size=BATCH,
    )


def outcome(outputs: dict[str, dict[str, Any]], baseline: str, primary: str) -> str:
    """Who meets the primary metric on a row: "both", "tuned", "base" or "neither".

    A yes/no metric is met at 1. Where the metric is a number a row, a system that scores above the other is the one
    that is right; equal scores are both right from one half on.
    """
    old = float(outputs[baseline]["scores"].get(primary, 0.0))
    new = max(
        (float(line["scores"].get(primary, 0.0)) for key, line in outputs.items() if key != baseline), default=old
    )
    if METRICS[primary].kind == "rate" or old == new:
        threshold = 1.0 if METRICS[primary].kind == "rate" else 0.5
        return {(True, True): "both", (False, True): "tuned", (True, False): "base", (False, False): "neither"}[
            (old >= threshold, new >= threshold)
        ]
    return "tuned" if new > old else "base"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield plain(json.loads(line))
