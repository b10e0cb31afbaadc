"""Forgetting, while it happens: general probe suites scored at step 0 and at each evaluation, as events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.evaluation.probing import Suite, SuiteScore, change, load_suite, score_suite
from engine.events import EventWriter
from engine.training.spec import ProbeChoice

_MEASURE_WORDS = {"loss": "general loss", "accuracy": "general accuracy"}


class Probes:
    """The suites of a run. ``baseline`` maps "suite/measure" to the score at step 0 (given when a run is resumed)."""

    def __init__(self, choice: ProbeChoice, events: EventWriter, baseline: dict[str, float]) -> None:
        """Raises SuiteError (an EngineError) for a suite that is not there."""
        self.limit = choice.forgetting_limit
        self.baseline = baseline
        self._events = events
        self._suites: list[Suite] = [load_suite(name) for name in choice.suites]

    def measure(
        self, model: Any, tokenizer: Any, step: int, on_progress: Callable[[int, int], None] | None = None
    ) -> tuple[dict[str, float], bool]:
        """Scores every suite, emits a probe event each measure and a warning past the limit.

        Returns scores by "suite/measure" and whether any fell past the forgetting limit.
        """
        scores: dict[str, float] = {}
        forgotten = False
        for suite in self._suites:
            for score in score_suite(model, tokenizer, suite, on_progress=on_progress):
                key = f"{suite.name}/{score.measure}"
                scores[key] = score.score
                self.baseline.setdefault(key, score.score)
                forgotten = self._emit(score, step, self.baseline[key]) or forgotten
        return scores, forgotten

    def _emit(self, score: SuiteScore, step: int, baseline: float) -> bool:
        moved = change(baseline, score.score, score.measure)
        self._events.emit("probe", step=step, **score.to_json(), baseline=baseline, change=moved)
        if moved > -self.limit:
            return False
        word = _MEASURE_WORDS.get(score.measure, score.measure)
        self._events.emit(
            "warning",
            code="forgetting",
            step=step,
            suite=score.suite,
            measure=score.measure,
            change=moved,
            text=(
                f"Forgetting at step {step}: {word} went from {baseline:.3f} to {score.score:.3f} "
                f"({moved:+.1%}; the limit is {-self.limit:+.0%}). A lower learning rate or fewer epochs forget less."
            ),
        )
        return True
