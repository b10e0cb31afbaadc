"""General-capability probes: what a model still knows and does, scored before, during and after training.

A suite (``suite_rows``) is scored by what it asks: likelihood of passages, of choices (as lm-evaluation-harness defines
acc and acc_norm), of continuations and reference answers, and generated answers judged by refusal or form. All by
domain, because forgetting is rarely even.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.evaluation import rules
from engine.evaluation.choices import Question, Scored, choice_span, score_questions
from engine.evaluation.generate import encode_prompt, generate
from engine.evaluation.likelihood import Likelihood, span_likelihoods
from engine.evaluation.measures import MEASURES, change
from engine.evaluation.packing import Span
from engine.evaluation.precision import measuring
from engine.evaluation.refusals import refuses
from engine.evaluation.suite_rows import (
    Passage,
    ProbePrompt,
    ProbeQuestion,
    Suite,
    SuiteError,
    load_suite,
    suite_names,
)

__all__ = [
    "MEASURES",
    "Passage",
    "ProbePrompt",
    "ProbeQuestion",
    "Suite",
    "SuiteError",
    "SuiteScore",
    "change",
    "load_suite",
    "score_suite",
    "suite_names",
]

MAX_PASSAGE_TOKENS = 1024
ANSWER_TOKENS = {"refusal": 32, "answered": 32, "format": 40}
"""Tokens generated for a prompt: a refusal shows itself in its opening, a short form in so many."""
SHORT_ANSWER_TOKENS = 16
"""... or where whatever is longer is wrong."""
LONGEST_ANSWER = 128
"""... or as many as the reference has and half of that again, up to this."""


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """One measure of one suite. `score` is nats per token for a loss, else a share in 0..1."""

    suite: str
    measure: str
    score: float
    n: int
    """Rows of the suite that were asked."""
    domains: dict[str, dict[str, float]] = field(default_factory=dict)
    """domain -> {"score", "n"}"""
    normalised: float | None = None
    """For "accuracy": the share when each choice's log-likelihood is divided by its length in characters."""
    items: dict[str, float] = field(default_factory=dict)
    """item id -> mean loss, or 1.0/0.0; what a paired test between two models needs."""
    precision: str = "float32"
    title: str = ""
    """The suite's name as people read it."""

    def to_json(self, *, items: bool = False) -> dict[str, Any]:
        """The fields a probe event or results.json carries (`items` only when asked: they are many)."""
        document: dict[str, Any] = {
            "suite": self.suite,
            "measure": self.measure,
            "score": self.score,
            "n": self.n,
            "domains": self.domains,
            "precision": self.precision,
            "title": self.title,
        }
        if self.normalised is not None:
            document["normalised"] = self.normalised
        if items:
            document["items"] = self.items
        return document


@dataclass(frozen=True, slots=True)
class _Row:
    """What one item of a suite counts for: its score, ``value`` of ``weight``."""

    id: str
    domain: str
    value: float
    weight: float = 1.0


def score_suite(
    model: Any,
    tokenizer: Any,
    suite: Suite,
    *,
    batch_size: int = 16,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[SuiteScore]:
    """Score a causal model (peft-wrapped or not) on a suite: one SuiteScore a measure that has rows, in the order of
    `Suite.measures`.

    The forward runs in fp32 and the model is left in the mode and precision it was found in.
    `on_progress(done, total)` counts items after each batch and is called before each token that is generated; an
    exception it raises ends the scoring cleanly. Raises EngineError where prompts meet a model without a chat template.
    """
    with measuring(model, fold=True) as precision:
        scorer = _Scorer(model, tokenizer, suite, batch_size, precision, on_progress)
        return list(scorer.scores())


class _Scorer:
    """One model on one suite, inside `measuring`."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        suite: Suite,
        batch_size: int,
        precision: str,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.model, self.tokenizer, self.suite = model, tokenizer, suite
        self.batch_size, self.precision, self.on_progress = batch_size, precision, on_progress
        self.done = 0
        self.limit = context_length(model)

    def scores(self) -> Iterator[SuiteScore]:
        suite = self.suite
        if suite.passages:
            yield self._score("loss", self._losses(suite.passages, self._passage_spans()))
        if suite.questions:
            yield self._accuracy()
        if suite.continuations:
            spans = [choice_span(self.tokenizer, c.context, c.continuation, self.limit) for c in suite.continuations]
            found = zip(suite.continuations, self._read(spans), strict=True)
            yield self._score("continuation", [_Row(c.id, c.domain, float(one.greedy)) for c, one in found])
        if suite.answers:
            spans = [self._chat_span(answer.messages, answer.answer) for answer in suite.answers]
            yield self._score("answer_loss", self._losses(suite.answers, spans))
        if suite.prompts:
            yield from self._generated()

    def _passage_spans(self) -> list[Span | None]:
        """A passage's first token is given, not predicted; one of a single token says nothing."""
        limit = min(MAX_PASSAGE_TOKENS, self.limit)
        ids = [tuple(self.tokenizer(passage.text)["input_ids"][:limit]) for passage in self.suite.passages]
        return [Span(row, 1) if len(row) > 1 else None for row in ids]

    def _losses(self, rows: Sequence[Any], spans: Sequence[Span | None]) -> list[_Row]:
        """Negative log-likelihood of the scored tokens, weighted by their number."""
        kept = [(row, span) for row, span in zip(rows, spans, strict=True) if span is not None]
        found = self._read([span for _, span in kept])
        return [
            _Row(row.id, row.domain, -one.total, float(len(one.tokens)))
            for (row, _), one in zip(kept, found, strict=True)
        ]

    def _accuracy(self) -> SuiteScore:
        asked = [self._asked(question) for question in self.suite.questions]
        answers: list[Scored] = score_questions(
            self.model, self.tokenizer, asked, batch_size=self.batch_size, on_batch=self._at(self.done)
        )
        self.done += len(asked)
        pairs = zip(self.suite.questions, answers, strict=True)
        rows = [_Row(question.id, question.domain, float(one.correct)) for question, one in pairs]
        return self._score("accuracy", rows, sum(one.correct_norm for one in answers) / len(answers))

    def _asked(self, question: ProbeQuestion) -> Question:
        spans: tuple[Span, ...] = ()
        if question.messages:
            spans = tuple(self._chat_span(question.messages, choice) for choice in question.choices)
        elif question.continuation is not None:
            ending = question.continuation
            spans = tuple(choice_span(self.tokenizer, choice, ending, self.limit) for choice in question.choices)
        return Question(question.context, question.choices, question.answer, spans)

    def _generated(self) -> Iterator[SuiteScore]:
        rows: dict[str, list[_Row]] = defaultdict(list)
        rooms: dict[int, list[ProbePrompt]] = defaultdict(list)
        for prompt in self.suite.prompts:
            rooms[self._room(prompt)].append(prompt)
        for room, prompts in rooms.items():
            for prompt, text in zip(prompts, self._answers(prompts, room), strict=True):
                rows[prompt.measure].append(_Row(prompt.id, prompt.domain, float(_kept(prompt, text))))
        yield from (self._score(name, rows[name]) for name in self.suite.measures if name in rows)

    def _answers(self, prompts: list[ProbePrompt], room: int) -> list[str]:
        asked = [encode_prompt(self.tokenizer, [dict(turn) for turn in prompt.messages]) for prompt in prompts]
        texts = [""] * len(prompts)
        for batch in generate(
            self.model,
            self.tokenizer,
            asked,
            max_new_tokens=room,
            batch_size=self.batch_size,
            on_step=lambda: self._at(self.done)(0),
        ):
            self.done += len(batch)
            for answer in batch:
                texts[answer.index] = answer.text
        return texts

    def _room(self, prompt: ProbePrompt) -> int:
        """In steps of 16 tokens, so that few rooms make few batches."""
        if prompt.reference:
            wanted = len(self.tokenizer(prompt.reference)["input_ids"]) * 3 // 2
            return min(LONGEST_ANSWER, -(-max(1, wanted) // 16) * 16)
        return SHORT_ANSWER_TOKENS if prompt.rule["kind"] in rules.SHORT else ANSWER_TOKENS[prompt.measure]

    def _chat_span(self, messages: Sequence[Any], answer: str) -> Span:
        """An answer after its prompt in the model's own template; too long a prompt loses its left end."""
        before = encode_prompt(self.tokenizer, [dict(turn) for turn in messages])
        after = list(self.tokenizer(answer, add_special_tokens=False)["input_ids"])[: self.limit - 1] or [0]
        before = before[-max(1, self.limit - len(after)) :]
        return Span((*before, *after), len(before))

    def _read(self, spans: Sequence[Span]) -> list[Likelihood]:
        found = span_likelihoods(
            self.model,
            [[span] for span in spans],
            batch_size=self.batch_size,
            pad_id=pad_id(self.tokenizer),
            on_batch=self._at(self.done),
        )
        self.done += len(spans)
        return [group[0] for group in found]

    def _at(self, base: int) -> Callable[[int], None]:
        total = self.suite.size
        return lambda done: self.on_progress(base + done, total) if self.on_progress else None

    def _score(self, measure: str, rows: list[_Row], normalised: float | None = None) -> SuiteScore:
        domains: dict[str, list[_Row]] = defaultdict(list)
        for row in rows:
            domains[row.domain].append(row)
        return SuiteScore(
            self.suite.name,
            measure,
            _ratio(rows),
            len(rows),
            {domain: {"score": _ratio(found), "n": len(found)} for domain, found in sorted(domains.items())},
            normalised,
            {row.id: row.value / row.weight for row in rows},
            self.precision,
            self.suite.title,
        )


def _kept(prompt: ProbePrompt, text: str) -> bool:
    """Whether the generated answer is what the suite wants of it."""
    if prompt.measure == "format":
        return rules.follows(text, prompt.rule)
    # Nothing said is neither a refusal nor an answer.
    return bool(text.strip()) and refuses(text) == (prompt.measure == "refusal")


def _ratio(rows: Iterable[_Row]) -> float:
    known = list(rows)
    return sum(row.value for row in known) / sum(row.weight for row in known) if known else 0.0


def pad_id(tokenizer: Any) -> int:
    """A token id to pad with; masked everywhere, so any valid id does."""
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)


def context_length(model: Any) -> int:
    """Longest sequence the model's configuration allows, in tokens."""
    return int(getattr(model.config, "max_position_embeddings", None) or 2048)
