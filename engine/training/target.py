"""How well the model does the task while it trains: short answers to validation rows, judged by the task's metric and
by whether they are in the file's own form."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.data.examples import Loaded, iterate
from engine.evaluation.generate import encode_prompt, generate
from engine.evaluation.metrics import METRICS, Outcome, row_scorer
from engine.evaluation.precision import measuring
from engine.evaluation.rules import follows, own_format, words
from engine.evaluation.task_metrics import OFF, metric_of
from engine.events import EventWriter
from engine.training.spec import TrainingSpec

GENERATED_TOKENS = 1024
"""Tokens that one measurement may generate in all: rows with long answers are fewer. At least ``FEWEST`` are asked."""
FEWEST = 8
LONGEST_ANSWER = 512
_BATCH = 16
_ROOM = 8
"""Tokens beyond the longest reference: an answer that goes on is wrong, and need not be read to its end."""


class Target:
    """The validation rows that are asked, always the same. ``rows`` is empty where there is nothing to ask."""

    def __init__(self, spec: TrainingSpec, tokenizer: Any, events: EventWriter) -> None:
        self._tokenizer, self._events = tokenizer, events
        self.metric = metric_of(spec.training.task_metric, spec.data.task_type)
        self.rows: list[Loaded] = []
        usable = _usable(spec)
        if not usable:
            return
        references = [row.example.answer for row in usable]
        self._rule = own_format(references)
        self._labels = tuple(dict.fromkeys(references))
        longest = max(len(tokenizer(reference)["input_ids"]) for reference in references)
        self._room = min(LONGEST_ANSWER, longest + _ROOM)
        wanted = min(spec.training.task_rows, max(FEWEST, GENERATED_TOKENS // self._room), len(usable))
        chosen = random.Random(spec.training.seed).sample(range(len(usable)), wanted)
        self.rows = [usable[place] for place in sorted(chosen)]
        self._tell(len(usable))

    def measure(self, model: Any, step: int, on_step: Callable[[], None] | None = None) -> dict[str, float]:
        """{"task_score", and "format_rate" where the answers have a form}; empty where there is nothing to ask."""
        if not self.rows:
            return {}
        texts = self._answers(model, on_step)
        scorer = row_scorer(self.metric)
        outcomes = [Outcome(text, row.example.answer, self._labels) for text, row in zip(texts, self.rows, strict=True)]
        scored = [value for outcome in outcomes if (value := scorer.score(outcome)) is not None]
        found: dict[str, float] = {}
        if scored:
            found["task_score"] = sum(scored) / len(scored)
        if self._rule is not None:
            found["format_rate"] = sum(follows(text, self._rule) for text in texts) / len(texts)
        self._events.emit("metric", step=step, task_metric=self.metric, task_rows=len(texts), **found)
        return found

    def _answers(self, model: Any, on_step: Callable[[], None] | None) -> list[str]:
        asked = [encode_prompt(self._tokenizer, row.example.prompt_messages, row.example.tools) for row in self.rows]
        texts = [""] * len(asked)
        with measuring(model, fold=True):
            batches = generate(
                model, self._tokenizer, asked, max_new_tokens=self._room, batch_size=_BATCH, on_step=on_step
            )
            for batch in batches:
                for answer in batch:
                    texts[answer.index] = answer.text
        return texts

    def _tell(self, usable: int) -> None:
        rule = f"; the form is {words(self._rule)}" if self._rule else ""
        self._events.emit(
            "log",
            code="task_rows",
            metric=self.metric,
            rows=len(self.rows),
            row_ids=[row.row_id for row in self.rows],
            rule=self._rule,
            text=f"{METRICS[self.metric].label} of {len(self.rows)} of {usable} validation rows, answers of at most "
            f"{self._room} tokens{rule}",
        )


def _usable(spec: TrainingSpec) -> list[Loaded]:
    """The validation rows that can be asked and judged; none when nothing is to be measured."""
    if spec.training.task_metric == OFF or not spec.data.validation:
        return []
    rows = iterate(Path(spec.data.validation), spec.data.system_prompt)
    return [row for row in rows if row.example.prompt_messages and row.example.answer.strip()]
