"""The rows of a held-out file, by the keys with which training rows are compared to them."""

from __future__ import annotations

from pathlib import Path

from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.normalise import precise
from engine.data.records import Reader, Record
from engine.data.seen import Seen, joined, see
from engine.data.similar import spoken


class HeldOut:
    """``rows`` and ``prompts``: hash of the coarse key → first line. The precise forms are compared on a hit only.
    ``spoken``: line → what its prompt says.

    A held-out file is held in memory; it is the smaller one (200 bytes a row and its prompts). Raises FileRefused.
    """

    def __init__(self, path: Path) -> None:
        self.rows: dict[int, int] = {}
        self.prompts: dict[int, int] = {}
        self.spoken: dict[int, str] = {}
        self._precise_rows: set[int] = set()
        self._precise_prompts: set[int] = set()
        self.usable = self.unusable = 0
        for record in Reader(path):
            if isinstance(record, Record):
                try:
                    name = detect(record.row)
                    self._add(see(record.number, record.line, name, to_example(record.row, name)))
                    continue
                except RowProblem:
                    pass
            self.unusable += 1

    def _add(self, seen: Seen) -> None:
        self.usable += 1
        self.rows.setdefault(hash(seen.key), seen.line)
        self._precise_rows.add(_precise_row(seen))
        if seen.prompt_key:
            self.spoken[seen.line] = spoken(seen.prompt, "", "")
            self.prompts.setdefault(hash(seen.prompt_key), seen.line)
            self._precise_prompts.add(hash(precise(seen.prompt)))

    def same_row(self, seen: Seen) -> bool:
        return _precise_row(seen) in self._precise_rows

    def same_prompt(self, seen: Seen) -> bool:
        return hash(precise(seen.prompt)) in self._precise_prompts


def _precise_row(seen: Seen) -> int:
    return hash(precise(joined(seen.prompt, seen.answer, seen.rest)))
