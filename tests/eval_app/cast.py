"""Evaluations as the engine leaves them, without a model: its functions write the run directory, the recorder reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.evaluation.cases import labels_of, load_cases, references_are_json, write_rows
from engine.evaluation.journal import Journal
from engine.evaluation.journal import Output as Answered
from engine.evaluation.metrics import METRICS, Outcome, metrics_for, row_scorer
from engine.evaluation.results import summarise
from engine.evaluation.spec import read_spec
from eval_app.models import Evaluation, System
from runs_app.models import Run, Status
from tests.world import World, ticket_rows

Say = Callable[[int, str], str]
"""From a row's position and its reference: what a system answers."""


def right(row: int, reference: str) -> str:
    return reference


def says(*texts: str | None) -> Say:
    """The texts in turn; None is the reference."""

    def answer(row: int, reference: str) -> str:
        text = texts[row % len(texts)]
        return reference if text is None else text

    return answer


def recorded(
    world: World,
    systems: dict[str, Say],
    rows: int = 6,
    make: Callable[[int], list[dict[str, Any]]] = ticket_rows,
    facts: Callable[[int], dict[str, Any]] | None = None,
    task: str = "extraction",
    more: Callable[[str, int], dict[str, Any]] | None = None,
) -> Evaluation:
    """A finished evaluation of these systems, the first of them the baseline, recorded from its run directory.

    ``facts`` gives a row's facts, ``more`` what stands on the line of one answer besides.
    """
    split = world.split(test=rows, make=make)
    run = Run.objects.create(
        project=world.project, kind="evaluate", title="tickets", status=Status.SUCCEEDED, created_by=world.owner
    )
    run.directory.mkdir(parents=True)
    found = Evaluation.objects.create(
        project=world.project, run=run, name="Four against the base", split=split, created_by=world.owner
    )
    for place, key in enumerate(systems):
        kind = "base" if place == 0 else "checkpoint" if place == 1 else "prompt"
        System.objects.create(
            evaluation=found, key=key, kind=kind, name=f"System {key}", is_baseline=place == 0,
            base_model=world.base_model,
        )  # fmt: skip
    _write(run.directory, world, split.file("test"), list(systems.items()), task)
    _add(run.directory, facts, more)
    run.recorder().on_success(run)
    found.refresh_from_db()
    return found


def _write(folder: Path, world: World, rows: Path, systems: Sequence[tuple[str, Say]], task: str) -> None:
    """rows.jsonl, outputs.jsonl and results.json, by what the engine writes them with."""
    spec = read_spec(
        {
            "schema_version": 1,
            "kind": "evaluate",
            "model": world.base_model.for_engine(),
            "data": {"rows": str(rows), "system_prompt": "Answer with JSON only."},
            "task_type": task,
            "systems": [{"key": key, "name": f"System {key}", "adapter": None, "model": None} for key, _ in systems],
            "baseline": systems[0][0],
            "metrics": None,
        }
    )
    cases = load_cases(spec)
    write_rows(cases, folder / "rows.jsonl")
    metrics = metrics_for(task, references_are_json(cases))
    labels, journal = labels_of(cases), Journal(folder)
    for key, say in systems:
        journal.append([_answered(case, key, say(case.row, case.reference), labels, metrics) for case in cases])
        journal.state["systems"][key] = {"batch_seconds": 1.0, "batch_tokens": 10}
    answers = {key: journal.of(key) for key, _ in systems}
    (folder / "results.json").write_text(json.dumps(summarise(spec, cases, answers, metrics, journal.state)))


def _answered(case: Any, key: str, text: str, labels: tuple[str, ...], metrics: Sequence[str]) -> Answered:
    outcome = Outcome(text, case.reference, labels, 0.1, len(text.split()), 12)
    scores = {
        name: value
        for name in metrics
        if METRICS[name].kind != "aggregate" and (value := row_scorer(name).score(outcome)) is not None
    }
    return Answered(
        row=case.row, row_id=case.row_id, line=case.line, system=key, text=text, scores=scores, latency_s=0.1,
        tokens_in=12, tokens_out=len(text.split()), batch=8, alone=True, ended=True,
    )  # fmt: skip


def _add(
    folder: Path, facts: Callable[[int], dict[str, Any]] | None, more: Callable[[str, int], dict[str, Any]] | None
) -> None:
    for name, extra in (("rows", facts), ("outputs", more)):
        if extra is None:
            continue
        file = folder / f"{name}.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            line |= {"facts": facts(line["row"])} if name == "rows" and facts else {}
            line |= more(line["system"], line["row"]) if name == "outputs" and more else {}
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
