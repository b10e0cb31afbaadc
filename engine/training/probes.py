"""Forgetting, while it happens: probe suites scored at step 0 and at each evaluation, as events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.evaluation.measures import change, counted, label
from engine.evaluation.probing import Suite, SuiteScore, load_suite, score_suite
from engine.evaluation.suite_files import load_file
from engine.events import EventWriter
from engine.training.checkpoints import Memory
from engine.training.spec import ProbeChoice


class Probes:
    """The suites of a run. What they scored at step 0, and of how many rows, stands in the run's memory."""

    def __init__(self, choice: ProbeChoice, events: EventWriter, memory: Memory) -> None:
        """Raises SuiteError (an EngineError) for a suite that is not there."""
        self.limit = choice.forgetting_limit
        self.titles = {file.key: file.title for file in choice.files}
        self._memory = memory
        self._events = events
        self._suites: list[Suite] = [load_suite(name).thinned(choice.rows) for name in choice.suites]
        self._suites += [load_file(file, rows=choice.rows) for file in choice.files]

    def measure(
        self, model: Any, tokenizer: Any, step: int, on_progress: Callable[[int, int], None] | None = None
    ) -> tuple[dict[str, float], bool]:
        """Scores every suite, emits a probe event each measure and a warning past the limit.

        Returns scores by "suite/measure" and whether any fell past the forgetting limit.
        """
        scores: dict[str, float] = {}
        forgotten = False
        total, base = sum(suite.size for suite in self._suites), 0
        for suite in self._suites:
            told = _shifted(on_progress, base, total)
            for score in score_suite(model, tokenizer, suite, on_progress=told):
                key = f"{suite.name}/{score.measure}"
                scores[key] = score.score
                self._memory.baseline.setdefault(key, score.score)
                self._memory.sizes[key] = score.n
                forgotten = self._emit(score, step, self._memory.baseline[key]) or forgotten
            base += suite.size
        return scores, forgotten

    def _emit(self, score: SuiteScore, step: int, baseline: float) -> bool:
        moved = change(baseline, score.score, score.measure)
        held = counted(baseline, score.score, score.measure, score.n)
        name = label(score.title, score.measure)
        facts = score.to_json() | {"baseline": baseline, "change": moved, "counted": held, "label": name}
        self._events.emit("probe", step=step, **facts)
        if held > -self.limit:
            return False
        self._events.emit(
            "warning",
            code="forgetting",
            step=step,
            suite=score.suite,
            measure=score.measure,
            change=moved,
            text=(
                f"Forgetting at step {step}: {name[0].lower()}{name[1:]} went from {baseline:.3f} to {score.score:.3f} "
                f"({moved:+.1%}; the limit is {-self.limit * 100:+g}%). "
                "A lower learning rate or fewer epochs forget less."
            ),
        )
        return True


def _shifted(told: Callable[[int, int], None] | None, base: int, total: int) -> Callable[[int, int], None] | None:
    return None if told is None else lambda done, _: told(base + done, total)
