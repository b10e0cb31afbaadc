"""Answers are scored and written down in a thread of their own, while the next ones are generated."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from engine.evaluation.cases import Case
from engine.evaluation.costs import cost_of
from engine.evaluation.journal import Journal, Output
from engine.evaluation.progress import Clock
from engine.evaluation.scoring import Scoring
from engine.evaluation.spec import SystemSpec
from engine.evaluation.store import Kept
from engine.evaluation.systems import Asked


@dataclass(frozen=True, slots=True)
class Answered:
    """One system's answer to one row, before it is scored. ``problem``: why there is none."""

    row: int
    kept: Kept
    asked: Asked
    cached: bool = False
    alone: bool = False
    """Whether it belongs to the latency sample."""
    problem: str = ""


class Recorder:
    """Use as a context manager: leaving it waits until everything is on disk. An error of a metric is raised at the
    next call."""

    def __init__(self, cases: Sequence[Case], scoring: Scoring, journal: Journal, clock: Clock) -> None:
        self._cases, self._scoring, self._journal, self._clock = cases, scoring, journal, clock
        self._pool = ThreadPoolExecutor(1, "scoring")
        self._waiting: list[Future[None]] = []

    def take(self, system: SystemSpec, answers: Sequence[Answered]) -> None:
        """Returns at once; the answers are on disk after ``settle``."""
        done = [future for future in self._waiting if future.done()]
        self._waiting = [future for future in self._waiting if not future.done()]
        for future in done:
            future.result()
        if answers:
            self._waiting.append(self._pool.submit(self._write, system, list(answers)))

    def settle(self) -> None:
        """Returns when everything taken so far is on disk."""
        for future in self._waiting:
            future.result()
        self._waiting.clear()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
        if kind is None:
            self.settle()

    def _write(self, system: SystemSpec, answers: list[Answered]) -> None:
        self._journal.append([self._output(system, answer) for answer in answers])
        for cached in (True, False):
            part = [answer for answer in answers if answer.cached is cached]
            if part:
                tokens = sum(answer.kept.tokens_out for answer in part)
                self._clock.answered(system.key, len(part), tokens, cached=cached)

    def _output(self, system: SystemSpec, answer: Answered) -> Output:
        case, kept, asked = self._cases[answer.row], answer.kept, answer.asked
        output = Output(
            row=case.row,
            row_id=case.row_id,
            line=case.line,
            system=system.key,
            text=kept.text,
            scores={},
            latency_s=kept.seconds,
            tokens_in=kept.tokens_in,
            tokens_out=kept.tokens_out,
            batch=kept.batch,
            alone=answer.alone,
            ended=kept.ended,
            first_token_s=kept.first_s,
            cost=None if answer.problem else cost_of(system.price, kept.tokens_in, kept.tokens_out, kept.share_s),
            retrieved=None if asked.retrieved is None else [passage.to_json() for passage in asked.retrieved],
            problem=answer.problem,
            cached=answer.cached,
        )
        return self._scoring.scored(case, output)
