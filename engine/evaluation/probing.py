"""General-capability probes: what a model still knows, scored before, during and after training.

A suite is a folder of short passages (general loss) and two- to four-way questions (accuracy by
log-likelihood, as lm-evaluation-harness defines acc and acc_norm). Both are read by domain, because
forgetting is rarely even.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.evaluation.choices import Question, Scored, score_questions
from engine.evaluation.likelihood import span_likelihoods
from engine.evaluation.measures import MEASURES, change
from engine.evaluation.packing import Span
from engine.evaluation.precision import measuring

__all__ = [
    "MEASURES",
    "Passage",
    "ProbeQuestion",
    "Suite",
    "SuiteError",
    "SuiteScore",
    "change",
    "load_suite",
    "score_suite",
    "suite_names",
]

SUITES = Path(__file__).parent / "suites"
MAX_PASSAGE_TOKENS = 1024

_Row = TypeVar("_Row")


class SuiteError(EngineError):
    """A probe suite that cannot be read; names the file, the line and the remedy."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(reason="Config", text=text, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Passage:
    id: str
    domain: str
    text: str


@dataclass(frozen=True, slots=True)
class ProbeQuestion:
    id: str
    domain: str
    question: str
    choices: tuple[str, ...]
    answer: int


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    passages: tuple[Passage, ...]
    questions: tuple[ProbeQuestion, ...]


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """One measure of one suite. `score` is nats per token for "loss", a share in 0..1 for "accuracy"."""

    suite: str
    measure: str
    score: float
    n: int
    """Passages or questions."""
    domains: dict[str, dict[str, float]] = field(default_factory=dict)
    """domain -> {"score", "n"}"""
    normalised: float | None = None
    """For "accuracy": the share when each choice's log-likelihood is divided by its length in characters."""
    items: dict[str, float] = field(default_factory=dict)
    """item id -> mean loss, or 1.0/0.0; what a paired test between two models needs."""
    precision: str = "float32"

    def to_json(self, *, items: bool = False) -> dict[str, Any]:
        """The fields a probe event or results.json carries (`items` only when asked: they are many)."""
        document: dict[str, Any] = {
            "suite": self.suite,
            "measure": self.measure,
            "score": self.score,
            "n": self.n,
            "domains": self.domains,
            "precision": self.precision,
        }
        if self.normalised is not None:
            document["normalised"] = self.normalised
        if items:
            document["items"] = self.items
        return document


def suite_names() -> list[str]:
    """Names of the suites that are installed."""
    return sorted(p.parent.name for p in SUITES.glob("*/questions.jsonl"))


def load_suite(name: str, root: Path = SUITES) -> Suite:
    """Read `suites/<name>/passages.jsonl` and `questions.jsonl`.

    Raises SuiteError when the suite is absent, empty, or a row is malformed.
    """
    folder = root / name
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or not folder.is_dir():
        raise SuiteError(f"There is no probe suite named {name!r}.", f"Choose one of: {', '.join(suite_names())}.")
    passages = tuple(_rows(folder / "passages.jsonl", _passage))
    questions = tuple(_rows(folder / "questions.jsonl", _question))
    if not passages and not questions:
        raise SuiteError(f"The probe suite {name!r} has no rows.", "Add rows to passages.jsonl or questions.jsonl.")
    return Suite(name, passages, questions)


def score_suite(
    model: Any,
    tokenizer: Any,
    suite: Suite,
    *,
    batch_size: int = 16,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[SuiteScore]:
    """Score a causal model (peft-wrapped or not) on a suite: one SuiteScore a measure that has rows, "loss"
    first.

    The forward runs in fp32 and the model is left in the mode and precision it was found in.
    `on_progress(done, total)` counts passages and questions after each batch; an exception it raises ends the
    scoring cleanly.
    """
    total = len(suite.passages) + len(suite.questions)

    def at(base: int) -> Callable[[int], None]:
        return lambda done: on_progress(base + done, total) if on_progress else None

    scores = []
    with measuring(model) as precision:
        if suite.passages:
            scores.append(_loss(model, tokenizer, suite, batch_size, precision, at(0)))
        if suite.questions:
            scores.append(_accuracy(model, tokenizer, suite, batch_size, precision, at(len(suite.passages))))
    return scores


def _loss(
    model: Any, tokenizer: Any, suite: Suite, batch_size: int, precision: str, on_batch: Callable[[int], None]
) -> SuiteScore:
    """Mean negative log-likelihood per token; a passage's first token is given, not predicted."""
    limit = min(MAX_PASSAGE_TOKENS, context_length(model))
    spans, kept = [], []
    for passage in suite.passages:
        ids = tuple(tokenizer(passage.text)["input_ids"][:limit])
        if len(ids) > 1:
            spans.append(Span(ids, 1))
            kept.append(passage)
    groups = [[span] for span in spans]
    found = span_likelihoods(model, groups, batch_size=batch_size, pad_id=pad_id(tokenizer), on_batch=on_batch)
    likelihoods = [group[0] for group in found]
    weights = [(p.domain, -a.total, float(len(a.tokens))) for p, a in zip(kept, likelihoods, strict=True)]
    items = {p.id: -a.total / len(a.tokens) for p, a in zip(kept, likelihoods, strict=True)}
    return SuiteScore(suite.name, "loss", _ratio(weights), len(kept), _by_domain(weights), None, items, precision)


def _accuracy(
    model: Any, tokenizer: Any, suite: Suite, batch_size: int, precision: str, on_batch: Callable[[int], None]
) -> SuiteScore:
    asked = [Question(f"Question: {q.question}\nAnswer:", q.choices, q.answer) for q in suite.questions]
    answers: list[Scored] = score_questions(model, tokenizer, asked, batch_size=batch_size, on_batch=on_batch)
    pairs = list(zip(suite.questions, answers, strict=True))
    weights = [(q.domain, float(a.correct), 1.0) for q, a in pairs]
    normalised = sum(a.correct_norm for a in answers) / len(answers)
    items = {q.id: float(a.correct) for q, a in pairs}
    return SuiteScore(
        suite.name, "accuracy", _ratio(weights), len(pairs), _by_domain(weights), normalised, items, precision
    )


def _ratio(weights: Iterable[tuple[str, float, float]]) -> float:
    rows = list(weights)
    return sum(value for _, value, _ in rows) / sum(weight for _, _, weight in rows)


def _by_domain(weights: Sequence[tuple[str, float, float]]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    for row in weights:
        groups[row[0]].append(row)
    return {domain: {"score": _ratio(rows), "n": len(rows)} for domain, rows in sorted(groups.items())}


def pad_id(tokenizer: Any) -> int:
    """A token id to pad with; masked everywhere, so any valid id does."""
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)


def context_length(model: Any) -> int:
    """Longest sequence the model's configuration allows, in tokens."""
    return int(getattr(model.config, "max_position_embeddings", None) or 2048)


def _rows(path: Path, parse: Callable[[dict[str, Any]], _Row]) -> Iterable[_Row]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield parse(json.loads(line))
            except (ValueError, KeyError, TypeError) as problem:
                raise SuiteError(f"{path.name} line {number}: {problem}", "Correct or remove that row.") from problem


def _passage(row: dict[str, Any]) -> Passage:
    if not row["text"].strip():
        raise ValueError("the text is empty")
    return Passage(str(row["id"]), str(row["domain"]), row["text"])


def _question(row: dict[str, Any]) -> ProbeQuestion:
    choices = tuple(str(choice) for choice in row["choices"])
    answer = row["answer"]
    if len(choices) < 2 or not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise ValueError(f"answer {answer!r} of {len(choices)} choices")
    return ProbeQuestion(str(row["id"]), str(row["domain"]), row["question"], choices, answer)
