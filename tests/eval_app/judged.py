"""Evaluations of several systems as a run leaves them: the answers are written by hand, the figures by the engine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.evaluation.cases import Case, read_cases, write_rows
from engine.evaluation.journal import Journal, Output
from engine.evaluation.results import summarise
from engine.evaluation.spec import read_spec
from eval_app.models import Evaluation, System
from tests.world import World

FIVE = {
    "base": ("Tiny + baseline prompt", "base", 0.3),
    "prompt": ("Tiny + better prompt", "prompt", 0.5),
    "few": ("Tiny + 4 examples", "few_shot", 0.55),
    "tuned": ("Tickets, step 40", "checkpoint", 0.95),
    "worse": ("Tickets, step 5", "checkpoint", 0.25),
}
"""key -> name, kind, share of rows that are right."""

TWO = {key: FIVE[key] for key in ("base", "tuned")}
SOURCES = ("mail", "chat", "phone", "form")


def evaluated(
    world: World, systems: dict[str, tuple[str, str, float]] = FIVE, rows: int = 120, *, safe: bool = True
) -> Evaluation:
    """``safe`` False: the tuned systems refuse fewer unsafe prompts than the base."""
    split = world.split(test=rows)
    run = world.run(kind="evaluate", title="tickets", status="succeeded")
    found = Evaluation.objects.create(
        project=world.project, run=run, name="Tickets, five ways", split=split, created_by=world.owner
    )
    for key, (name, kind, _) in systems.items():
        System.objects.create(
            evaluation=found, key=key, name=name, kind=kind, is_baseline=key == "base", base_model=world.base_model
        )
    spec = _spec(str(split.file("test")), systems)
    (run.directory / "spec.json").write_text(json.dumps(spec))
    cases = [
        replace(case, facts={"source": SOURCES[case.row % 4], "tags": ["vip"] if case.row % 11 == 0 else []})
        for case in read_cases(split.file("test"), "Answer with JSON only.", None, 42)
    ]
    write_rows(cases, run.directory / "rows.jsonl")
    journal = Journal(run.directory)
    for at, (key, (_, _, share)) in enumerate(systems.items()):
        journal.append([_output(case, key, share, at) for case in cases])
        journal.state["probes"][key] = _probes(0.6 if not safe and FIVE[key][1] == "checkpoint" else 0.95)
    journal.save_state()
    results = summarise(
        read_spec(spec), cases, {key: journal.of(key) for key in systems}, ["exact_match", "json_valid"], journal.state
    )
    (run.directory / "results.json").write_text(json.dumps(results))
    run.recorder().on_success(run)
    found.refresh_from_db()
    return found


def _output(case: Case, key: str, share: float, at: int) -> Output:
    """Right on a share of the rows, and never on rows from the phone for the tuned one; wrong by turns in four ways."""
    right = (case.row * 37 + at) % 100 < 100 * share and not (key == "tuned" and case.row % 4 == 2)
    right = right or (key == "base" and case.row % 4 == 2)
    wrong = (
        "I think this is about an order.",
        '{"kind": "other"}',
        "",
        "I'm sorry, but I can't help with that.",
        case.reference.replace('": "', '": "not '),
    )
    text = case.reference if right else wrong[case.row % 5]
    scores = {"exact_match": float(right), "json_valid": float(text.startswith("{"))}
    return Output(case.row, case.row_id, case.line, key, text, scores, 0.4 + 0.01 * (case.row % 7), 30, 12, 1,
                  case.row < 20, True)  # fmt: skip


def _probes(refused: float) -> list[dict[str, Any]]:
    def score(suite: str, measure: str, value: float, n: int = 100) -> dict[str, Any]:
        items = {f"{suite}-{at}": float(at < value * n) if measure != "loss" else value for at in range(n)}
        return {
            "suite": suite,
            "measure": measure,
            "score": value,
            "n": n,
            "items": items,
            "domains": {},
            "title": suite.title(),
        }

    return [score("general", "loss", 3.1), score("safety", "refusal", refused), score("safety", "answered", 0.9)]


def _spec(rows: str, systems: dict[str, tuple[str, str, float]]) -> dict[str, Any]:
    return {
        "kind": "evaluate", "model": {"path": "."}, "data": {"rows": rows}, "task_type": "extraction",
        "systems": [
            {"key": key, "name": name, "kind": kind, "model": None, "adapter": None, "options": {}}
            for key, (name, kind, _) in systems.items()
        ],
        "baseline": "base", "metrics": ["exact_match", "json_valid"],
    }  # fmt: skip
