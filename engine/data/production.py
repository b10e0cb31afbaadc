"""A sample of the prompts that real users send, to be compared with what a model is trained on."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data.errors import FileRefused, RowProblem
from engine.data.formats import detect, to_example
from engine.data.questions import unanswered
from engine.data.records import Reader, Record
from engine.data.sample import asked, start

MOST_ROWS, SEED = 10_000, 42


@dataclass(slots=True)
class Production:
    """``prompts``: (line, text) in the order of the file. ``sampled`` is None when they are all there are."""

    name: str
    prompts: list[tuple[int, str]]
    rows: int
    unusable: int

    @property
    def sampled(self) -> int | None:
        return len(self.prompts) if len(self.prompts) < self.rows else None


def read_production(path: Path) -> Production:
    """Rows of any known shape, rows with a prompt alone, or one prompt a line of plain text. At most 10,000 are kept,
    each as likely as any other. Raises FileRefused."""
    chance = random.Random(SEED)
    kept: list[tuple[int, str]] = []
    rows = unusable = 0
    for item in _reader(path):
        text = prompt_of(item.row) if isinstance(item, Record) else ""
        if not text.strip():
            unusable += 1
            continue
        rows += 1
        if len(kept) < MOST_ROWS:
            kept.append((item.line, start(text)))
        elif (place := chance.randrange(rows)) < MOST_ROWS:
            kept[place] = (item.line, start(text))
    return Production(path.name, sorted(kept), rows, unusable)


def _reader(path: Path) -> Reader:
    try:
        return Reader(path)
    except FileRefused as error:
        if error.kind != "not_json":
            raise
        return Reader(path, "text")


def prompt_of(row: dict[str, Any]) -> str:
    """What the user asks in this row; nothing when it does not say."""
    try:
        return asked(to_example(row, detect(row)))
    except RowProblem:
        return "\n".join(said for turns in unanswered(row) for role, said in turns if role == "user")
