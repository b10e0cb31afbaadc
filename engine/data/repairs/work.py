"""The operations of one repair at work: which rows go, what the others become, and the counts of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from engine.data.errors import DataError
from engine.data.index import open_index
from engine.data.mapping import format_of
from engine.data.records import Problem, Reader, Record, row_id
from engine.data.repairs import Operation, check_operations, load, settings_of
from engine.data.repairs.context import NOT_GONE, Context, Item, same_row

Change = Callable[[Item], list[dict[str, Any]]]


class Work:
    """Use as a context manager. ``take_away`` first; then ``change`` for each row that is left.

    ``dropped``, ``changed`` and ``added`` count as the result does. Rows that changes leave out count in ``dropped``
    under the name of the operation, rows beyond the first that a row becomes in ``added``.
    """

    def __init__(
        self,
        reader: Reader,
        document: dict[str, Any],
        audit_dir: Path,
        operations: list[Operation],
        files: dict[str, Path],
    ) -> None:
        check_operations(operations)
        self._modules: list[tuple[Operation, ModuleType]] = [(each, load(each["op"])) for each in operations]
        self.total = document["rows"]["usable"] + document["rows"]["unusable"]
        self.gone = 0
        self.dropped: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.added: Counter[str] = Counter()
        index = open_index(audit_dir / "index.sqlite")
        # A temporary table lies on disk beyond a few pages, so memory does not grow with the rows that go.
        index.execute("create temp table gone (number integer primary key, code text, op text)")
        self.context = Context(reader, document, index, files, _last_format(operations) or document["format"] or "")
        self._changes: list[tuple[str, Change]] = []
        self._lines: dict[int, tuple[str, dict[str, Any]]] = {}

    def take_away(self) -> None:
        """Decides which rows go and readies the changes. Raises DataError."""
        index = self.context.index
        for operation, module in self._modules:
            if hasattr(module, "rows"):
                found = module.rows(settings_of(operation), self.context)
                given = ((number, code, operation["op"]) for number, code in found)
                index.executemany("insert or ignore into temp.gone values (?, ?, ?)", given)
        self.dropped.update(dict(index.execute("select code, count(*) from temp.gone group by code")))
        self.gone = self.dropped.total()
        self._changes = [
            (operation["op"], module.change(settings_of(operation), self.context))
            for operation, module in self._modules
            if hasattr(module, "change")
        ]
        for operation, module in self._modules:
            if hasattr(module, "lines"):
                self._lines |= {number: (operation["op"], row) for number, row in module.lines(operation).items()}

    def mend(self, problem: Problem) -> tuple[str, dict[str, Any]] | None:
        """(operation, the row in its place) of a line that cannot be read and that an operation rewrites. What changes
        other rows leaves it as it was written."""
        found = self._lines.pop(problem.number, None)
        if found is not None:
            self.changed[found[0]] += 1
        return found

    def check_lines(self) -> None:
        """Raises DataError when a line that was rewritten is none that cannot be read (or went)."""
        if self._lines:
            found = (
                f"Line {min(self._lines):,} is no line of this version that cannot be read, or another repair drops it."
            )
            raise DataError(found, "Open the line again in the newest version and mend it there.")

    def gone_in_order(self) -> Iterator[tuple[int, str]]:
        return self.context.index.execute("select number, op from temp.gone order by number")

    def left(self, ids: Iterable[str]) -> set[str]:
        """Those of these row identities of which a row is in the file and stays."""
        index = self.context.index
        index.execute("create temp table asked (row_id blob primary key) without rowid")
        index.executemany("insert or ignore into temp.asked values (?)", [(bytes.fromhex(one),) for one in ids])
        select = f"select distinct row_id from row f where row_id in (select row_id from temp.asked) and {NOT_GONE}"  # noqa: S608
        return {row_id.hex() for (row_id,) in index.execute(select)}

    @property
    def changing(self) -> list[str]:
        """The operations that change rows."""
        return [op for op, _ in self._changes]

    @property
    def resizes(self) -> bool:
        """Whether a change may leave a row out or make several of it."""
        return any(getattr(module, "RESIZES", False) for _, module in self._modules)

    @property
    def shuffle_seed(self) -> int | None:
        """The seed by which all rows are shuffled at the end; None when no operation asks for it."""
        seeds = [settings_of(each)["seed"] for each, module in self._modules if getattr(module, "SHUFFLES", False)]
        return int(seeds[-1]) if seeds else None

    def touched(self) -> Iterator[tuple[int, Iterator[int]]]:
        """(place, numbers of the rows it will change) of each operation that can say so from the index."""
        for place, (operation, module) in enumerate(self._modules):
            if hasattr(module, "where"):
                yield place, module.where(settings_of(operation), self.context)

    def adding(self) -> Iterator[tuple[int, Operation, ModuleType]]:
        """(place, operation, module) of each operation that adds rows."""
        for place, (operation, module) in enumerate(self._modules):
            if hasattr(module, "added"):
                yield place, operation, module

    def forget_counts(self) -> None:
        """What changes did so far was only tried."""
        for op in self.changing:
            self.changed[op] = self.added[op] = self.dropped[op] = 0

    def change(self, record: Record) -> tuple[list[dict[str, Any]], list[str]]:
        """The rows that ``record`` becomes, and the operations that changed something. A row that nothing changes
        is the very object. Raises DataError for a row nested too deeply to be changed."""
        rows, ops = [record.row], []
        for op, change in self._changes:
            try:
                made = [self._one(change, record, row) for row in rows]
            except RecursionError:
                found = f"Line {record.line} is nested too deeply to be changed."
                raise DataError(found, "Take this row away, then repair.") from None
            after = [row for _, several in made for row in several]
            altered = any(different for different, _ in made)
            more = len(after) - len(rows)
            self.dropped[op] += max(0, -more)
            self.added[op] += max(0, more)
            self.changed[op] += altered and bool(after)
            if altered or more:
                ops.append(op)
            rows = after
        return rows, ops

    @staticmethod
    def _one(change: Change, record: Record, row: dict[str, Any]) -> tuple[bool, list[dict[str, Any]]]:
        """Whether a row became something else, and what; equal rows come back as the very object."""
        made = [row if same_row(row, new) else new for new in change(Item(record, row))]
        return any(new is not row for new in made), made

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.index.close()
        for counts in (self.dropped, self.changed, self.added):
            for name in [name for name, count in counts.items() if not count]:
                del counts[name]


def _last_format(operations: list[Operation]) -> str:
    """The format that the rows have after the last mapping, when there is one."""
    formats = [format_of(str(each["mapping"].get("format"))) for each in operations if each.get("op") == "map"]
    return formats[-1] if formats else ""


class ChangeLog:
    """``changes.jsonl``: what became of which row, so that tags and reviews can follow it. A context manager: the file
    has its name only when the block ends without an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file = self._part.open("wb")

    def taken(self, item: Record | Problem, op: str) -> None:
        self._write(item.number, item.line, op, item.row_id if isinstance(item, Record) else None, [])

    def mended(self, problem: Problem, op: str, row: dict[str, Any]) -> None:
        self._write(problem.number, problem.line, op, None, [row_id(row)])

    def changed(self, record: Record, ops: list[str], rows: list[dict[str, Any]]) -> None:
        before = record.row_id
        after = [before if row is record.row else row_id(row) for row in rows]
        self._write(record.number, record.line, "+".join(ops), before, after)

    def new(self, row: dict[str, Any], op: str) -> None:
        self._write(None, None, op, None, [row_id(row)])

    def _write(self, number: int | None, line: int | None, op: str, before: str | None, after: list[str]) -> None:
        entry = {"number": number, "line": line, "op": op, "before_id": before, "after_ids": after}
        self._file.write(orjson.dumps(entry) + b"\n")

    def __enter__(self) -> ChangeLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
