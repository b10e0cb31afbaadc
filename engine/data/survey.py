"""The one pass over the rows: each batch goes to the columns, the checks and the index, and is forgotten."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data import index
from engine.data.book import Book
from engine.data.checks import Facts, Options, checks
from engine.data.columns import MASK, Column
from engine.data.errors import FileRefused, RowProblem
from engine.data.formats import detect, to_example
from engine.data.leaks import HeldOut
from engine.data.mask import mask_text
from engine.data.records import Problem, Reader, Record
from engine.data.seen import Seen, see

if TYPE_CHECKING:
    from engine.data.tokens import TokenCounter

BATCH_ROWS, BATCH_BYTES = 1000, 4 << 20
COLUMNS = ("number", "line", "content", "coarse", "prompt", "answer", "characters", "tokens")
# Shapes with one right answer a prompt; a preference or a thumb may well judge several.
ONE_ANSWER = frozenset({"messages", "sharegpt", "alpaca", "prompt_completion", "classification", "evaluation", "slots"})


class Survey:
    """What one pass gathers: ``columns``, ``book``, ``formats`` and counts; after ``run`` also ``facts``."""

    def __init__(
        self,
        reader: Reader,
        connection: sqlite3.Connection,
        scratch: Path,
        counter: TokenCounter | None,
        held_out: HeldOut | None,
        cutoff_len: int,
        production: Path | None = None,
        safety_model: Path | None = None,
    ) -> None:
        self.reader, self.connection, self.counter, self.cutoff_len = reader, connection, counter, cutoff_len
        options = Options(cutoff_len, counter is not None, held_out, production, safety_model)
        self.checks = [(check, check.start(options)) for check in checks()]
        self.book = Book(connection, [about for check, _ in self.checks for about in check.ABOUT])
        self.columns = {name: Column(scratch) for name in COLUMNS}
        self.formats: Counter[str] = Counter()
        self.usable = self.unusable = 0

    def run(self, tick: Callable[[], None]) -> Facts:
        """Reads everything, then lets each check conclude. Raises FileRefused when there are only blank lines."""
        for batch in _batches(self.reader):
            self._take(batch)
            tick()
        if not self.usable and not self.unusable:
            found = "The file holds no rows, only blank lines or an empty array."
            raise FileRefused("empty", found, "Upload a file with one JSON object on each line.")
        reader = self.reader
        facts = Facts(self.connection, self.columns, dict(self.formats), self.usable, reader.path, reader.container)
        for check, state in self.checks:
            check.conclude(state, self.book, facts)
            self.book.flush()
            tick()
        return facts

    def _take(self, batch: list[Record | Problem]) -> None:
        seen_rows: list[Seen] = []
        kept: list[Record] = []
        index_rows: list[tuple[object, ...]] = []
        for item in batch:
            if isinstance(item, Problem):
                self.book.flag(item.code, item.number, item.line, item.found, item.kind)
                index_rows.append(_unusable_row(item))
                continue
            try:
                name = detect(item.row)
                seen_rows.append(see(item.number, item.line, name, to_example(item.row, name)))
                kept.append(item)
            except RowProblem as error:
                self.book.flag(error.code, item.number, item.line, mask_text(error.found))
                index_rows.append(_unusable_row(item))
        self.unusable += len(index_rows)
        self.usable += len(seen_rows)
        self.formats.update([seen.format for seen in seen_rows])
        self._count_tokens(seen_rows)
        self._fill_columns(seen_rows)
        for check, state in self.checks:
            check.look(state, seen_rows, self.book)
        index_rows += map(_index_row, kept, seen_rows)
        index.add_rows(self.connection, index_rows)

    def _count_tokens(self, rows: list[Seen]) -> None:
        if self.counter is None:
            return
        for seen, tokens in zip(rows, self.counter.count([seen.example for seen in rows]), strict=True):
            seen.tokens = tokens
        # Only a row that is cut can lose its whole answer.
        cut = [seen for seen in rows if seen.tokens > self.cutoff_len]
        for seen, tokens in zip(cut, self.counter.count_prompts([seen.example for seen in cut]), strict=True):
            seen.prompt_tokens = tokens

    def _fill_columns(self, rows: list[Seen]) -> None:
        columns = self.columns
        columns["number"].extend([seen.number for seen in rows])
        columns["line"].extend([seen.line for seen in rows])
        columns["content"].extend([hash((seen.prompt, seen.answer, seen.rest)) & MASK for seen in rows])
        columns["coarse"].extend([hash(seen.key) & MASK for seen in rows])
        columns["prompt"].extend(
            [hash(seen.prompt_key) & MASK if seen.prompt_key and seen.format in ONE_ANSWER else 0 for seen in rows]
        )
        columns["answer"].extend([hash(seen.answer_key) & MASK for seen in rows])
        columns["characters"].extend([len(seen.prompt) + len(seen.answer) + len(seen.rest) for seen in rows])
        if self.counter is not None:
            columns["tokens"].extend([seen.tokens for seen in rows])


def _unusable_row(item: Record | Problem) -> tuple[object, ...]:
    row_id = hashlib.sha256(item.canonical).digest() if isinstance(item, Record) else None
    return (item.number, item.line, item.offset, item.length, "", 0, None, None, None, row_id)


def _index_row(record: Record, seen: Seen) -> tuple[object, ...]:
    tokens = seen.tokens if seen.tokens >= 0 else None
    row_id = hashlib.sha256(record.canonical).digest()
    characters = len(seen.prompt) + len(seen.answer) + len(seen.rest)
    place = (record.number, record.line, record.offset, record.length)
    return (*place, seen.format, 1, tokens, characters, seen.label, row_id)


def _batches(reader: Reader) -> Iterator[list[Record | Problem]]:
    """A thousand rows at a time, fewer when they are large."""
    batch: list[Record | Problem] = []
    held = 0
    for item in reader:
        batch.append(item)
        held += item.length
        if len(batch) >= BATCH_ROWS or held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
