"""What a batch of lines gives: numbers for the columns, rows for the index, and what the checks flag in them.

It is worked out apart from where it is kept (``survey.Survey``), so that other processes can do it for other stretches
of the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, repeat
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.beside import beside
from engine.data.book import Book
from engine.data.checks import CHECKS, Check, Options, load
from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.gates import Gates
from engine.data.mask import mask_text
from engine.data.records import Problem, Record
from engine.data.seen import Seen, add_keys, without_keys

if TYPE_CHECKING:
    from engine.data.tokens import TokenCounter

# So many rows are looked at together: few enough to stay in the processor's cache. Checks learn from the first.
BATCH_ROWS, FIRST_ROWS, BATCH_BYTES = 256, 1000, 4 << 20
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
class Kept:
    """What the index has of usable rows beside their columns, an entry each."""

    offset: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    row_id: list[bytes] = field(default_factory=list)
    format: list[str] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)


@dataclass(slots=True)
class Gathered:
    """``columns``: 64-bit values of the usable rows, in order; ``unusable``: rows of the index; ``flags``: the
    arguments of ``Book.flag``."""

    columns: dict[str, array[int]]
    kept: Kept
    unusable: list[tuple[object, ...]]
    flags: list[Flag]

    def index_rows(self) -> Iterable[tuple[object, ...]]:
        """All of them, in the order of the file."""
        columns, kept = self.columns, self.kept
        place = (columns["number"], columns["line"], kept.offset, kept.length, kept.format, repeat(1))
        tokens = columns["tokens"] or repeat(None)
        usable = zip(*place, tokens, columns["characters"], kept.label, kept.row_id, strict=False)
        return sorted(chain(usable, self.unusable), key=itemgetter(0)) if self.unusable else usable


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

    def prepare(self, batch: Iterable[Item]) -> None:
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

    def gather(self, items: Iterable[Item]) -> Gathered:
        rows: list[Seen] = []
        kept = Kept()
        unusable: list[tuple[object, ...]] = []
        notes = Notes()
        for item in items:
            if isinstance(item, Problem):
                notes.flag(item.code, item.number, item.line, item.found, item.kind)
                unusable.append(_unusable_row(item))
                continue
            try:
                rows.append(_see(item))
            except RowProblem as error:
                notes.flag(error.code, item.number, item.line, mask_text(error.found))
                unusable.append(_unusable_row(item))
                continue
            kept.offset.append(item.offset)
            kept.length.append(item.length)
            kept.row_id.append(sha256(item.canonical).digest())
        add_keys(rows)
        kept.format, kept.label = [seen.format for seen in rows], [seen.label for seen in rows]
        self._count_tokens(rows)
        self._look(rows, notes)
        return Gathered(self._columns(rows), kept, unusable, notes.flags)

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
            "content": [hash(seen.raw) for seen in rows],
            "coarse": [seen.same for seen in rows],
            "prompt": [hash(seen.prompt_key) if seen.prompt_key and seen.format in ONE_ANSWER else 0 for seen in rows],
            "answer": [hash(seen.answer_key) for seen in rows],
            "characters": [sum(seen.sizes) for seen in rows],
            "answered": [len(seen.reply) for seen in rows],
            "tokens": [seen.tokens for seen in rows] if self.counter is not None else (),
        }
        return {name: array("Q", array("q", held).tobytes()) for name, held in values.items()}


def batches(items: Iterable[Item], first: int = BATCH_ROWS) -> Iterator[Iterator[Item]]:
    """Some rows at a time, fewer when they are large; each batch is to be used up before the next. ``first``: how many
    rows the first has."""
    items = iter(items)
    most = first
    while (item := next(items, None)) is not None:
        yield _batch(item, items, most)
        most = BATCH_ROWS


def _batch(first: Item, others: Iterator[Item], most: int) -> Iterator[Item]:
    held = 0
    for item in chain((first,), others):
        yield item
        most -= 1
        held += item.length
        if most <= 0 or held >= BATCH_BYTES:
            return


def see_record(record: Record) -> Seen:
    """Raises RowProblem when the row cannot be used."""
    seen = _see(record)
    add_keys([seen])
    return seen


def _see(record: Record) -> Seen:
    row = record.row
    name = detect(row)
    seen = without_keys(record.number, record.line, name, to_example(row, name))
    seen.beside = beside(row, name)
    return seen


def _unusable_row(item: Item) -> tuple[object, ...]:
    row_id = sha256(item.canonical).digest() if isinstance(item, Record) else None
    return (item.number, item.line, item.offset, item.length, "", 0, None, None, None, row_id)
