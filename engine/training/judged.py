"""Rows whose answers are compared with one another, as token ids: preferences and thumbs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.data.example import Example
from engine.data.spans import is_silenced
from engine.errors import EngineError
from engine.training.encoding import IGNORED, Judged, Rows, encode


def encode_pairs(examples: Iterable[tuple[int, Example]], tokenizer: Any, cutoff_len: int) -> Rows:
    """Preference rows: the chosen answer first. Raises EngineError("Data") for a row that has no rejected answer."""
    rows = Rows()
    for line, example in examples:
        if example.rejected is None:
            raise EngineError(
                "Data", f"Line {line}: there is no rejected answer.", "Use rows with chosen and rejected."
            )
        if is_silenced(example.messages[example.answer_index]):
            rows.unsupervised.append(line)
            continue
        _keep(rows, line, _judged([example, _with_answer(example, example.rejected)], tokenizer, line), cutoff_len)
    return rows


def encode_thumbs(examples: Iterable[tuple[int, Example]], tokenizer: Any, cutoff_len: int) -> Rows:
    """Rows of one answer with a thumb; a preference row gives two, thumb up and thumb down."""
    rows = Rows()
    for line, example in examples:
        if example.rejected is not None:
            thumbs = [(example, True), (_with_answer(example, example.rejected), False)]
        elif example.label is not None:
            thumbs = [(example, example.label)]
        else:
            raise EngineError("Data", f"Line {line}: the answer has no thumb.", "Use rows with a label true or false.")
        if is_silenced(example.messages[example.answer_index]):
            rows.unsupervised.append(line)
            continue
        for each, label in thumbs:
            prompt, answers = _judged([each], tokenizer, line)
            _keep(rows, line, (prompt, answers), cutoff_len, label)
    return rows


def _with_answer(example: Example, answer: str) -> Example:
    return msgspec.structs.replace(
        example, messages=(*example.prompt_messages, {"role": "assistant", "content": answer})
    )


def _judged(examples: list[Example], tokenizer: Any, line: int) -> tuple[list[int], tuple[list[int], ...]]:
    """The ids all sides begin with, and each side's own up to the end of its answer: only the last turn is judged."""
    sides = []
    for example in examples:
        # Turns before the last are part of the prompt here.
        bare = msgspec.structs.replace(example, messages=_last_answer_only(example))
        try:
            encoded, _ = encode(bare, tokenizer, answers_only=True)
        except EngineError as error:
            raise EngineError(error.reason, f"Line {line}: {error.text}", error.remedy) from error
        trained = [place for place, label in enumerate(encoded.labels) if label != IGNORED]
        first = _answer_start(encoded.labels, trained)
        sides.append((encoded.input_ids[: trained[-1] + 1], first))
    start = min(first for _, first in sides)
    # A token may reach over the border of prompt and answer: then the sides part before it.
    while any(ids[:start] != sides[0][0][:start] for ids, _ in sides):
        start -= 1
    return sides[0][0][:start], tuple(ids[start:] for ids, _ in sides)


def _last_answer_only(example: Example) -> tuple[Any, ...]:
    return example.messages[: example.answer_index + 1]


def _answer_start(labels: list[int], trained: list[int]) -> int:
    """Where the last run of trained tokens begins."""
    start = trained[-1]
    while start > 0 and labels[start - 1] != IGNORED:
        start -= 1
    return start


def _keep(
    rows: Rows, line: int, found: tuple[list[int], tuple[list[int], ...]], cutoff_len: int, label: bool | None = None
) -> None:
    """Cuts the answers' ends; a row one of whose answers would be cut whole is left out."""
    prompt, answers = found
    room = cutoff_len - len(prompt)
    if any(len(answer) > room for answer in answers):
        rows.cut.append(line)
        answers = tuple(answer[: max(0, room)] for answer in answers)
    if all(answers):
        rows.encoded.append(Judged(prompt, answers, label))
    else:
        rows.unsupervised.append(line)
