"""The one pass over the rows: each batch goes to the columns, the checks and the index, and is forgotten."""

from __future__ import annotations

import ctypes
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data import index
from engine.data.book import Book
from engine.data.checks import CHECKS, Facts, Options
from engine.data.columns import Column
from engine.data.errors import FileRefused
from engine.data.gather import COLUMNS, FIRST_ROWS, Gathered, Gatherer, batches
from engine.data.leaks import HeldOut
from engine.data.records import Reader
from engine.data.shards import gather_apart, worth_sharing

if TYPE_CHECKING:
    from engine.data.tokens import TokenCounter


@dataclass(frozen=True, slots=True)
class Phase:
    """Every row was read, and the check ``title`` (the ``place``th of ``of``) concludes: it has compared ``done`` of
    ``all`` pairs or rows, as far as it says (0 of 0: it does not)."""

    title: str
    place: int
    of: int
    done: int
    all: int


def give_back() -> None:
    """Memory of the batches that are gone goes back to the system, where its library keeps it otherwise."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # a C library without it
            ctypes.CDLL(None).malloc_trim(0)


class Survey:
    """What one pass gathers: ``columns``, ``book``, ``formats`` and counts. ``names``: which checks look, all of the
    table if not given."""

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
        names: Iterable[str] = tuple(CHECKS),
    ) -> None:
        self.reader, self.connection, self.counter = reader, connection, counter
        self.gatherer = Gatherer(
            Options(cutoff_len, counter is not None, held_out, production, safety_model), counter, names
        )
        self.book = Book(connection, [about for _, check, _ in self.gatherer.checks for about in check.ABOUT])
        self.columns = {name: Column(scratch) for name in COLUMNS}
        self.formats: Counter[str] = Counter()
        self.usable = self.unusable = 0
        self.phase: Phase | None = None

    def run(self, tick: Callable[[], None]) -> Facts:
        """Reads everything, then lets each check conclude. Raises FileRefused when there are only blank lines."""
        reader = self.reader
        if worth_sharing(reader, self.gatherer):
            found = gather_apart(reader, self.gatherer)
        else:
            found = (self.gatherer.gather(batch) for batch in batches(reader, FIRST_ROWS))
        for gathered in found:
            self._keep(gathered)
            tick()
        if not self.usable and not self.unusable:
            words = "The file holds no rows, only blank lines or an empty array."
            raise FileRefused("empty", words, "Upload a file with one JSON object on each line.")
        facts = Facts(self.connection, self.columns, dict(self.formats), self.usable, reader.path, reader.container)
        facts.mask = self.gatherer.mask
        give_back()
        for place, (_, check, state) in enumerate(self.gatherer.checks, 1):

            def tell(done: int, of: int, title: str = check.ABOUT[0].title, place: int = place) -> None:
                self.phase = Phase(title, place, len(self.gatherer.checks), done, of)
                tick()

            facts.tell = tell
            tell(0, 0)
            check.conclude(state, self.book, facts)
            self.book.flush()
            tick()
        return facts

    def _keep(self, gathered: Gathered) -> None:
        self.usable += len(gathered.kept.format)
        self.unusable += len(gathered.unusable)
        self.formats.update(gathered.kept.format)
        for name, values in gathered.columns.items():
            self.columns[name].extend(values)
        for flag in gathered.flags:
            self.book.flag(*flag)
        index.add_rows(self.connection, gathered.index_rows())
