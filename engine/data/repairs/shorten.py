"""Rows that are longer than training will look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.data.budget import chunks, longest_start
from engine.data.cutting import cut, parts
from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.repairs.context import Context, Item
from engine.data.repairs.fields import Field
from engine.data.tokens import TokenCounter
from engine.data.turnlists import conversation_column

TITLE = "Shorten long rows"
ABOUT = "Cuts, splits or drops rows that are longer than training will look at, by the tokenizer of the base model."
RESIZES = True
CHARACTERS_A_TOKEN = 4  # only where the search for the right place begins
FIELDS = (
    Field(
        "how",
        "How",
        "choice",
        "cut",
        "Cutting leaves out the earliest turns, then the start of the question; the answer stays whole.",
        (("cut", "Cut"), ("split", "Split into several rows"), ("drop", "Drop")),
    ),
    Field("cutoff_len", "Longest row", "whole", 2048, "Tokens, chat template included: what training keeps.", least=16),
    Field("overlap", "Overlap", "whole", 0, "Tokens of raw text that a piece repeats of the one before."),
    Field("model", "Base model", "file", "model", "The model whose tokenizer and chat template count."),
)


def check(operation: dict[str, Any]) -> None:
    if 2 * operation.get("overlap", 0) > operation.get("cutoff_len", 2048):
        raise DataError("The overlap is more than half of the longest row.", "Choose less overlap.")


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    """By the tokens that the audit counted (of the model that it was made with)."""
    return context.longer_than(operation["cutoff_len"])


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    """Raises DataError without a base model, EngineError when it has no tokenizer."""
    if operation["model"] not in context.files:
        raise DataError("Without a base model the tokens cannot be counted.", "Choose a base model.")
    shortener = _Shortener(TokenCounter(context.files[operation["model"]]), operation)
    return lambda item: shortener.rows(item.row)


class _Shortener:
    def __init__(self, counter: TokenCounter, operation: dict[str, Any]) -> None:
        self._counter, self._how = counter, operation["how"]
        self._cutoff, self._overlap = operation["cutoff_len"], operation["overlap"]
        self._guess = CHARACTERS_A_TOKEN * self._cutoff

    def rows(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The row when it fits or cannot be used; what takes its place when it is too long."""
        try:
            return [row] if self._fits(row) else self._shorter(row, detect(row))
        except RowProblem:
            return [row]

    def _shorter(self, row: dict[str, Any], name: str) -> list[dict[str, Any]]:
        if self._how == "drop":
            return []
        if name == "text":
            return [row | {"text": text} for text in self._texts(row["text"])]
        if self._how == "split" and conversation_column(row) and name in ("messages", "sharegpt"):
            return [part for part in parts(row, self._fits, self._guess) if part is not None]
        made = cut(row, name, self._fits, self._guess)
        return [] if made is None else [made]

    def _texts(self, text: str) -> list[str]:
        def fits(piece: str) -> bool:
            return self._length(piece) <= self._cutoff

        if self._how == "cut":
            return [text[: longest_start(text, fits, self._guess)]]
        repeat = (lambda piece: self._length(piece) <= self._overlap) if self._overlap else None
        return [piece for piece in chunks(text, fits, repeat, self._guess) if piece.strip()]

    def _fits(self, row: dict[str, Any]) -> bool:
        """Raises RowProblem."""
        return self._counter.count([to_example(row, detect(row))])[0] <= self._cutoff

    def _length(self, text: str) -> int:
        return self._counter.count([Example("text", text=text)])[0]
