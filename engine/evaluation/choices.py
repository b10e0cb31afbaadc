"""Multiple choice by log-likelihood, as lm-evaluation-harness defines `acc` and `acc_norm`.

A choice's score is the summed log-probability of its tokens after the query; acc picks the highest sum,
acc_norm the highest sum divided by the choice's length in characters. Ties go to the first choice, as numpy's
argmax does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.evaluation.likelihood import span_likelihoods
from engine.evaluation.packing import Span


@dataclass(frozen=True, slots=True)
class Question:
    """A query, the texts that may follow it, and the index of the right one. ``spans``: the choices as token ids that
    are ready to be scored, where they are not query + delimiter + choice."""

    query: str
    choices: tuple[str, ...]
    gold: int
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A question's log-likelihoods (nats, summed over each choice's tokens) and what the model picked."""

    log_likelihoods: tuple[float, ...]
    choice: int
    choice_norm: int
    correct: bool
    correct_norm: bool


def score_questions(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    *,
    batch_size: int = 16,
    delimiter: str = " ",
    on_batch: Callable[[int], None] | None = None,
) -> list[Scored]:
    """Score each question; call it inside `precision.measuring`. `delimiter` stands between query and choice.

    `on_batch` hears how many questions are done after each batch; `batch_size` counts choices.
    """
    limit = int(getattr(model.config, "max_position_embeddings", None) or 2048)
    groups = [
        list(q.spans) or [choice_span(tokenizer, q.query, delimiter + c, limit) for c in q.choices] for q in questions
    ]
    pad_id = tokenizer.pad_token_id or 0
    found = span_likelihoods(model, groups, batch_size=batch_size, pad_id=pad_id, on_batch=on_batch)
    return [
        _pick(question, tuple(likelihood.total for likelihood in group))
        for question, group in zip(questions, found, strict=True)
    ]


def choice_span(tokenizer: Any, context: str, continuation: str, limit: int) -> Span:
    """Tokens of context + continuation encoded together, cut where the context alone would end.

    Blanks at the context's end go to the continuation, for a byte-pair vocabulary joins a blank to the word
    after it. An empty context is the model's begin (else end) token. Too long a sequence loses its left end.
    Source: lm-evaluation-harness, TemplateLM._encode_pair and HFLM._loglikelihood_tokens.
    """
    kept = context.rstrip()
    continuation = context[len(kept) :] + continuation
    if kept:
        ids = tokenizer(kept + continuation)["input_ids"]
        start = len(tokenizer(kept)["input_ids"])
    else:
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        ids = tokenizer(continuation, add_special_tokens=False)["input_ids"]
        ids = ids if ids and ids[0] == first else [first, *ids]
        start = 1
    # A merge over the seam could leave the continuation no token of its own.
    start = max(1, min(start, len(ids) - 1))
    cut = max(0, min(len(ids) - (limit + 1), start - 1))
    return Span(tuple(ids[cut:]), start - cut)


def _pick(question: Question, totals: tuple[float, ...]) -> Scored:
    per_character = [total / max(1, len(c)) for total, c in zip(totals, question.choices, strict=True)]
    choice = max(range(len(totals)), key=totals.__getitem__)
    choice_norm = max(range(len(totals)), key=per_character.__getitem__)
    return Scored(totals, choice, choice_norm, choice == question.gold, choice_norm == question.gold)
