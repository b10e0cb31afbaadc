"""What a batch of lines gives: numbers for the columns, rows for the index, and what the checks flag in them.

It is worked out apart from where it is kept (``survey.Survey``), so that other processes can do it for other stretches
of the file.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.beside import beside
from engine.data.book import Book
from engine.data.checks import CHECKS, Check, Options, load
from engine.data.columns import MASK
from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.gates import Gates
from engine.data.mask import mask_text
from engine.data.records import Problem, Record
from engine.data.seen import Seen, see

if TYPE_CHECKING:
    from engine.data.tokens import TokenCounter

BATCH_ROWS, BATCH_BYTES = 1000, 4 << 20
COLUMNS = ("number", "line", "content", "coarse", "prompt", "answer", "characters", "answered", "tokens")
# Shapes with one right answer a prompt; a preference or a thumb may well judge several.
ONE_ANSWER = frozenset({"messages", "sharegpt", "alpaca", "prompt_completion", "classification", "evaluation", "slots"})

# Checks whose gates let through all that ``mask_text`` hides.
MASKED = ("personal_data", "pii_email", "secret")
# States of these types are the same after ``look`` as before.
UNCHANGING = (type(None), int, str, tuple, Path)

Item = Record | Problem
Flag = tuple[str, int, int, str, str]


@dataclass(slots=True)
class Gathered:
    """``columns``: 64-bit values of the usable rows, in order; ``rows`` for the index, of usable rows and others;
    ``flags``: the arguments of ``Book.flag``; ``formats`` of the usable rows."""

    usable: int
    formats: list[str]
    columns: dict[str, array[int]]
    rows: list[tuple[object, ...]]
    flags: list[Flag]


class Notes(Book):
    """The book that ``look`` writes in: it only remembers what was flagged."""

    def __init__(self) -> None:
        self.flags: list[Flag] = []

    def flag(self, code: str, number: int, line: int, note: str = "", kind: str = "", group: int | None = None) -> None:
        self.flags.append((code, number, line, note, kind))


@dataclass(slots=True)
class Gatherer:
    """The checks at work: each with its state, and the gate that decides which rows it looks at."""

    options: Options
    counter: TokenCounter | None
    names: Iterable[str] = tuple(CHECKS)
    checks: list[tuple[str, Check, Any]] = field(init=False)
    gates: Gates = field(init=False)

    def __post_init__(self) -> None:
        modules = [(name, load(name)) for name in self.names]
        self.checks = [(name, module, module.start(self.options)) for name, module in modules]
        self.gates = Gates({name: module.GATE for name, module in modules if hasattr(module, "GATE")})

    def undivided(self) -> list[str]:
        """Checks whose state can change and is not given in parts: they lack ``hand_over`` and ``take_over``."""
        return [
            name
            for name, check, state in self.checks
            if not isinstance(state, UNCHANGING) and not hasattr(check, "hand_over") and not hasattr(check, "FIXED")
        ]

    def prepare(self, batch: list[Item]) -> None:
        """Lets checks learn from the first rows what is usual, before others look at the rest."""
        self.gates.compile()
        rows: list[Seen] = []
        for item in batch:
            with suppress(RowProblem):
                rows += [see_record(item)] if isinstance(item, Record) else []
        for _, check, state in self.checks:
            if hasattr(check, "prepare"):
                check.prepare(state, rows)
        if self.counter is not None:  # so that it is known which tokenizer can be trusted
            self.counter.count([seen.example for seen in rows])
            self.counter.take_failures()

    def take_states(self) -> dict[str, Any]:
        """What checks have kept since this was last asked, by name."""
        return {name: check.hand_over(state) for name, check, state in self.checks if hasattr(check, "hand_over")}

    def merge(self, parts: dict[str, Any]) -> None:
        """Adds what another gatherer took, of the rows after those seen so far."""
        for name, check, state in self.checks:
            if name in parts:
                check.take_over(state, parts[name])  # type: ignore[attr-defined]

    def gather(self, batch: list[Item]) -> Gathered:
        rows: list[Seen] = []
        kept: list[Record] = []
        unusable: list[tuple[object, ...]] = []
        notes = Notes()
        for item in batch:
            if isinstance(item, Problem):
                notes.flag(item.code, item.number, item.line, item.found, item.kind)
                unusable.append(_unusable_row(item))
                continue
            try:
                rows.append(see_record(item))
                kept.append(item)
            except RowProblem as error:
                notes.flag(error.code, item.number, item.line, mask_text(error.found))
                unusable.append(_unusable_row(item))
        self._count_tokens(rows)
        self._look(rows, notes)
        index_rows = unusable + list(map(_index_row, kept, rows))
        return Gathered(len(rows), [seen.format for seen in rows], self._columns(rows), index_rows, notes.flags)

    def mask(self, text: str) -> str:
        """``mask_text``, which is dear, where a scan says that there could be something to hide."""
        bits = [self.gates.bit(name) for name in MASKED]
        if not self.gates.compiled or not all(bits):
            return mask_text(text)
        passed = self.gates.scan(text.encode("utf-8", "surrogatepass"))
        return mask_text(text) if any(passed & bit for bit in bits) else text

    def _look(self, rows: list[Seen], notes: Notes) -> None:
        for seen in rows:
            text = seen.raw + b"\n" + seen.beside.encode("utf-8", "surrogatepass") if seen.beside else seen.raw
            seen.gates = self.gates.scan(text)
        passing = [seen for seen in rows if seen.gates]
        for name, check, state in self.checks:
            bit = self.gates.bit(name)
            check.look(state, [seen for seen in passing if seen.gates & bit] if bit else rows, notes)

    def _count_tokens(self, rows: list[Seen]) -> None:
        if self.counter is None:
            return
        for seen, tokens in zip(rows, self.counter.count([seen.example for seen in rows]), strict=True):
            seen.tokens = tokens
        # Only a row that is cut can lose its whole answer.
        cut = [seen for seen in rows if seen.tokens > self.options.cutoff_len]
        for seen, tokens in zip(cut, self.counter.count_prompts([seen.example for seen in cut]), strict=True):
            seen.prompt_tokens = tokens

    def _columns(self, rows: list[Seen]) -> dict[str, array[int]]:
        values: dict[str, Iterable[int]] = {
            "number": [seen.number for seen in rows],
            "line": [seen.line for seen in rows],
            "content": [hash(seen.raw) & MASK for seen in rows],
            "coarse": [hash(seen.key) & MASK for seen in rows],
            "prompt": [
                hash(seen.prompt_key) & MASK if seen.prompt_key and seen.format in ONE_ANSWER else 0 for seen in rows
            ],
            "answer": [hash(seen.answer_key) & MASK for seen in rows],
            "characters": [_characters(seen) for seen in rows],
            "answered": [len(seen.example.answer) for seen in rows],
            "tokens": [seen.tokens for seen in rows] if self.counter is not None else (),
        }
        return {name: array("Q", held) for name, held in values.items()}


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """A thousand rows at a time, fewer when they are large."""
    batch: list[Item] = []
    held = 0
    for item in items:
        batch.append(item)
        held += item.length
        if len(batch) >= BATCH_ROWS or held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def see_record(record: Record) -> Seen:
    """Raises RowProblem when the row cannot be used."""
    name = detect(record.row)
    seen = see(record.number, record.line, name, to_example(record.row, name))
    seen.beside = beside(record.row, name)
    return seen


def _characters(seen: Seen) -> int:
    return len(seen.prompt) + len(seen.answer) + len(seen.rest)


def _unusable_row(item: Item) -> tuple[object, ...]:
    row_id = hashlib.sha256(item.canonical).digest() if isinstance(item, Record) else None
    return (item.number, item.line, item.offset, item.length, "", 0, None, None, None, row_id)


def _index_row(record: Record, seen: Seen) -> tuple[object, ...]:
    tokens = seen.tokens if seen.tokens >= 0 else None
    row_id = hashlib.sha256(record.canonical).digest()
    place = (record.number, record.line, record.offset, record.length)
    return (*place, seen.format, 1, tokens, _characters(seen), seen.label, row_id)
