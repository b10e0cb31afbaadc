"""The judging of one evaluation: which pairs, asked of the judge, each verdict journalled as it comes.

judgements.jsonl has one flushed line a verdict; a run that was stopped asks only what is missing. An endpoint that
refuses for good ends the judging and not the evaluation: what was judged is kept, and the problem is told.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from engine.errors import EngineError
from engine.evaluation.cases import Case
from engine.evaluation.journal import Output
from engine.evaluation.judging import JUDGE_KEY_VARIABLE, Judged, JudgeSpec, Order, Pair, Said
from engine.evaluation.judging.asking import code_for, question, verdict_in
from engine.evaluation.judging.summing import summed
from engine.evaluation.results import real_systems
from engine.evaluation.spec import EvaluationSpec
from engine.events import EventWriter
from engine.lines import whole_lines
from engine.teachers import Question, Reply, load

_TELL_EVERY_S = 1.0
_KEPT = 2000
_Asked = tuple[Pair, Order, str]


def judge_answers(
    spec: EvaluationSpec,
    cases: Sequence[Case],
    answers: dict[str, dict[int, Output]],
    run_dir: Path,
    stopped: Callable[[], bool],
    events: EventWriter,
) -> dict[str, Any] | None:
    """The step of an evaluation after its answers are there; None where nobody judges. Raises Stopped."""
    if spec.judge is None:
        return None
    key = os.environ.pop(JUDGE_KEY_VARIABLE, "")
    return _judging(spec.judge, spec, cases, answers, run_dir).run(key, stopped, events)


def judged_again(
    spec: EvaluationSpec,
    cases: Sequence[Case],
    answers: dict[str, dict[int, Output]],
    run_dir: Path,
    stored: dict[str, Any],
) -> dict[str, Any]:
    """`judge` of results.json from the verdicts on disk; nobody is asked. ``{}`` where nobody judged."""
    if spec.judge is None or "judge" not in stored:
        return {}
    return {"judge": _judging(spec.judge, spec, cases, answers, run_dir).document(stored["judge"]["problem"])}


def _judging(
    judge: JudgeSpec, spec: EvaluationSpec, cases: Sequence[Case], answers: dict[str, dict[int, Output]], run_dir: Path
) -> Judging:
    others = [key for key in real_systems(spec) if key != spec.baseline]
    return Judging(judge, cases, answers, spec.baseline, others, spec.seed, run_dir / "judgements.jsonl")


class Judging:
    """Pairs of the baseline with every other system, on a seeded sample of the rows."""

    def __init__(
        self,
        judge: JudgeSpec,
        cases: Sequence[Case],
        answers: dict[str, dict[int, Output]],
        baseline: str,
        others: Sequence[str],
        seed: int,
        path: Path,
    ) -> None:
        self.judge, self.cases, self._answers, self._seed, self._path = judge, cases, answers, seed, path
        rows = sorted(random.Random(seed).sample(range(len(cases)), min(judge.rows, len(cases))))
        both = [Pair(baseline, other, row) for other in others for row in rows]
        self.pairs = {pair: Judged() for pair in both if all(self._has(pair, key) for key in (pair.a, pair.b))}
        for pair, judged in self.pairs.items():
            judged.equal = self._text(pair, pair.a) == self._text(pair, pair.b)
        self._read()

    def run(self, key: str, stopped: Callable[[], bool], events: EventWriter) -> dict[str, Any]:
        """`judge` of results.json. Raises engine.teachers.Stopped; what was judged by then is on disk."""
        problem = ""
        missing = list(self._missing())
        if missing:
            events.emit("status", status="judging", text=f"{self.judge.name} judges {len(self.pairs)} pairs of answers")
            try:
                self._ask(missing, key, stopped, events)
            except EngineError as error:
                problem = f"{error.text} {error.remedy}"
                events.emit("warning", code="judge_failed", text=f"The judging ended early: {problem}")
        return self.document(problem)

    def document(self, problem: str) -> dict[str, Any]:
        return {"name": self.judge.name, "problem": problem, "pairs": summed(self.pairs, self._seed)}

    def _ask(self, missing: list[_Asked], key: str, stopped: Callable[[], bool], events: EventWriter) -> None:
        teacher = {"max_tokens": 300, **self.judge.teacher}
        told = 0.0
        with (
            load(str(teacher["kind"])).open_teacher(teacher, key, stopped) as opened,
            self._path.open("a", encoding="utf-8") as file,
        ):
            for done, reply in enumerate(opened.answers(self._questions(missing)), 1):
                pair, order, code = missing[reply.number]
                said = "unreadable" if reply.problem else verdict_in(reply.text, code, order)
                self.pairs[pair].said[order] = said
                file.write(json.dumps(_line(pair, order, said, reply)) + "\n")
                file.flush()
                if time.monotonic() - told >= _TELL_EVERY_S or done == len(missing):
                    told = time.monotonic()
                    events.emit("progress", step=done, total=len(missing), text="verdicts")

    def _questions(self, missing: list[_Asked]) -> Iterator[Question]:
        for number, (pair, order, _) in enumerate(missing):
            yield Question(number, question(self.judge, *self._shown(pair, order)))

    def _missing(self) -> Iterator[_Asked]:
        orders: tuple[Order, Order] = ("ab", "ba")
        for pair, judged in self.pairs.items():
            for order in orders:
                if not judged.equal and order not in judged.said:
                    yield pair, order, code_for(*self._shown(pair, order))

    def _shown(self, pair: Pair, order: Order) -> tuple[str, str, str, str]:
        case = self.cases[pair.row]
        first, second = (pair.a, pair.b) if order == "ab" else (pair.b, pair.a)
        return case.prompt, case.reference, self._text(pair, first), self._text(pair, second)

    def _has(self, pair: Pair, key: str) -> bool:
        return pair.row in self._answers[key]

    def _text(self, pair: Pair, key: str) -> str:
        return self._answers[key][pair.row].text

    def _read(self) -> None:
        """Take in the verdicts of a stopped run; a half-written last line is cut off."""
        for raw in whole_lines(self._path):
            line = json.loads(raw)
            judged = self.pairs.get(Pair(line["a"], line["b"], line["row"]))
            if judged is not None:
                judged.said[cast(Order, line["order"])] = cast(Said, line["said"])


def _line(pair: Pair, order: Order, said: str, reply: Reply) -> dict[str, Any]:
    return {
        "row": pair.row,
        "a": pair.a,
        "b": pair.b,
        "order": order,
        "said": said,
        "reply": (reply.problem or reply.text)[:_KEPT],
        "tokens_in": reply.tokens_in,
        "tokens_out": reply.tokens_out,
    }
