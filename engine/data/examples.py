"""Rows as examples for training, evaluation and serving, with the one rule for the system prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.records import Problem, Reader


class Loaded(msgspec.Struct, frozen=True):
    """An example and where it came from: its physical line and its row's identity (64 hexadecimal digits)."""

    line: int
    row_id: str
    example: Example


def load(path: Path, system_prompt: str = "", skip_unusable: bool = False) -> list[Loaded]:
    """All examples of ``path`` in order. Raises FileRefused, and DataError naming the first line that cannot be
    used (or leaves such lines out, when ``skip_unusable``)."""
    return list(iterate(path, system_prompt, skip_unusable))


def iterate(path: Path, system_prompt: str = "", skip_unusable: bool = False) -> Iterator[Loaded]:
    """The same, one at a time."""
    for record in Reader(Path(path)):
        if isinstance(record, Problem):
            if not skip_unusable:
                raise DataError(f"Line {record.line}: {record.found}", record.remedy)
            continue
        try:
            example = to_example(record.row, detect(record.row))
        except RowProblem as error:
            if not skip_unusable:
                raise DataError(f"Line {record.line}: {error.found}", error.remedy) from None
            continue
        yield Loaded(record.line, record.row_id, with_system(example, system_prompt))


def with_system(example: Example, system_prompt: str) -> Example:
    """The example with ``system_prompt`` as its first turn, unless it has a system turn of its own or no turns at
    all. Training, evaluation and serving all use this rule: a prompt that differs between them costs accuracy."""
    if not system_prompt.strip() or not example.messages or any(turn["role"] == "system" for turn in example.messages):
        return example
    first = {"role": "system", "content": system_prompt}
    return msgspec.structs.replace(example, messages=(first, *example.messages))
