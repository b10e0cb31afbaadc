"""What the tests of blind review share: an evaluation whose rows and answers are written into the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.urls import reverse

from engine.evaluation.cases import Case, read_cases, write_rows
from engine.evaluation.journal import Journal
from engine.evaluation.results import summarise
from engine.evaluation.spec import read_spec
from eval_app.models import Evaluation, System
from review_app.models import Review
from tests.world import World, write_jsonl

NAMES = {"base": "Base as it is", "tuned": "Tuned on tickets", "few": "Base with examples"}


def evaluated(world: World, rows: int = 12, equal: int = 2) -> Evaluation:
    """An ended evaluation of three systems, its results counted by the engine from files as a run leaves them; on the
    first ``equal`` rows all answers are the same. No answer has a word of its system in it."""
    split = world.split(test=rows)
    run = world.run(kind="evaluate", title="tickets", status="succeeded")
    found = Evaluation.objects.create(
        project=world.project, run=run, name="Tickets, June", split=split, created_by=world.owner
    )
    for key, name in NAMES.items():
        System.objects.create(evaluation=found, key=key, name=name, is_baseline=key == "base")
    cases = read_cases(split.file("test"), "Answer with JSON only.", None, 42)
    write_rows(cases, run.directory / "rows.jsonl")
    lines = [_line(case, key, equal) for case in cases for key in NAMES]
    write_jsonl(run.directory / "outputs.jsonl", lines)
    write_jsonl(run.directory / "results.json", [_results(run.directory, split.file("test"), cases)])
    run.recorder().on_success(run)
    found.refresh_from_db()
    return found


def _line(case: Case, key: str, equal: int) -> dict[str, Any]:
    text = case.reference if case.row < equal else answer_of(key, case.row)
    return {
        "row": case.row, "row_id": case.row_id, "line": case.line, "system": key, "text": text,
        "scores": {"exact_match": float(case.row < equal)}, "latency_s": 0.5, "tokens_in": 9, "tokens_out": 9,
        "batch": 1, "alone": True, "ended": True,
    }  # fmt: skip


def _results(folder: Path, rows: Path, cases: list[Case]) -> dict[str, Any]:
    systems = [{"key": key, "name": name, "model": None, "adapter": None} for key, name in NAMES.items()]
    spec = {
        "model": {"path": "."}, "data": {"rows": str(rows)}, "task_type": "extraction", "systems": systems,
        "baseline": "base", "metrics": ["exact_match"],
    }  # fmt: skip
    journal = Journal(folder)
    answers = {key: journal.of(key) for key in NAMES}
    return summarise(read_spec(spec), cases, answers, ["exact_match"], journal.state)


def answer_of(key: str, position: int) -> str:
    """Texts of which the test alone knows whose they are."""
    return json.dumps({"kind": {"base": "bug", "tuned": "refund", "few": "question"}[key], "order": 100 + position})


def start(world: World, evaluation: Evaluation, role: str = "member", **more: Any) -> Any:
    form: dict[str, Any] = {
        "systems": ["base", "tuned"], "rows": "12", "pick": "random", "reviewers": [str(world.member.pk)],
        "overlap": "100", "seed": "42", "instructions": "Prefer valid JSON.",
    }  # fmt: skip
    url = reverse("review_new", args=[world.project.pk, evaluation.pk])
    return world.client(role).post(url, form | more)


def reviewed(world: World, evaluation: Evaluation, **more: Any) -> Review:
    answer = start(world, evaluation, **more)
    assert answer.status_code == 302, answer.content.decode()
    return Review.objects.latest("pk")


def item_url(review: Review, number: int) -> str:
    return reverse("review_item", args=[review.project_id, review.pk, number])


def place_of(review: Review, user: Any, number: int, key: str) -> str:
    """Where this person sees the answer of a system: what the test knows and the page does not say."""
    order = review.reviewers.get(user=user).decisions.get(number=number).order
    return str(order.index(key) + 1)


def decide_all(
    world: World, review: Review, role: str = "member", key: str = "tuned", finish: bool = True, **special: str
) -> None:
    """Everything for one system, but for ``special``: item_3="tie". Then finishes."""
    user, client = getattr(world, role), world.client(role)
    for number in range(1, review.reviewers.get(user=user).decisions.count() + 1):
        choice = special.get(f"item_{number}") or place_of(review, user, number, key)
        answer = client.post(item_url(review, number), {"choice": choice, "was": ""})
        assert answer.status_code == 302, answer.content
    if finish:
        answer = client.post(reverse("review_finish", args=[review.project_id, review.pk]))
        assert answer.url == reverse("review_results", args=[review.project_id, review.pk])
