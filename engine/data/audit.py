"""One streaming pass over a data file: what is in it, what is wrong with it, and where. Memory is bounded."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.data import index
from engine.data.book import Book
from engine.data.checks import Facts, Options, checks
from engine.data.columns import MASK, Column
from engine.data.errors import FileRefused, RowProblem
from engine.data.formats import detect, load, to_example
from engine.data.leaks import HeldOut
from engine.data.lengths import describe
from engine.data.mask import mask_all, mask_emails
from engine.data.readiness import grade
from engine.data.records import Problem, Reader, Record
from engine.data.seen import Seen, see
from engine.data.tokens import TokenCounter

SCHEMA_VERSION = 1
BATCH_ROWS, BATCH_BYTES = 1000, 4 << 20
COLUMNS = ("number", "line", "content", "coarse", "prompt", "answer", "characters", "tokens")
# Shapes with one right answer a prompt; a preference or a thumb may well judge several.
_ONE_ANSWER = frozenset({"messages", "sharegpt", "alpaca", "prompt_completion", "classification", "evaluation"})


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """``filename`` is the name the file came with; ``model`` a folder with a tokenizer; ``test`` a held-out file."""

    file: Path
    filename: str = ""
    model: Path | None = None
    cutoff_len: int = 2048
    test: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit is: bytes read of bytes in the file, rows seen, rows and bytes a second since it began."""

    bytes_read: int
    bytes_total: int
    rows: int
    rows_per_s: float
    eta_s: float


class Stopped(Exception):
    """Raised by a progress callback that wants the audit to end."""


def audit(request: AuditRequest, out: Path, report: Callable[[Progress], None] | None = None) -> dict[str, Any]:
    """Audits a file; writes ``out/document.json`` and ``out/index.sqlite`` and returns the document.

    ``report`` is called about twice a second and may raise Stopped. Raises FileRefused when the file does not hold
    rows, EngineError (Model) when the tokenizer cannot be loaded. Same inputs give the same document, but for
    ``seconds``, ``rows_per_second`` and ``peak_bytes``.
    """
    started = time.monotonic()
    reader = Reader(request.file, name=request.filename)
    counter = TokenCounter(request.model) if request.model else None
    held_out = HeldOut(request.test) if request.test else None
    out.mkdir(parents=True, exist_ok=True)
    part = out / "index.sqlite.part"
    connection = index.create(part)
    try:
        pass_ = _Pass(request, reader, counter, held_out, connection, out)
        pass_.run(_reporter(request, reader, report, started))
        document = pass_.document()
        index.finish(connection)
    except BaseException:
        connection.close()
        part.unlink(missing_ok=True)
        raise
    connection.close()
    part.replace(out / "index.sqlite")
    seconds = time.monotonic() - started
    document |= {"seconds": round(seconds, 3), "rows_per_second": round(reader.tally.lines / max(seconds, 1e-9))}
    document["peak_bytes"] = peak_bytes()
    write_document(out, document)
    return document


def write_document(out: Path, document: dict[str, Any]) -> None:
    """Writes ``out/document.json`` in one step: a reader sees the old one or the new one."""
    out.mkdir(parents=True, exist_ok=True)
    part = out / "document.json.part"
    part.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    part.replace(out / "document.json")


def refusal(error: FileRefused) -> dict[str, Any]:
    """The document of a file that could not be read at all."""
    return {"schema_version": SCHEMA_VERSION, "refused": error.as_json()}


def peak_bytes() -> int:
    """The most memory this process has held."""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _Pass:
    """The state of one pass: columns, checks, counts."""

    def __init__(
        self,
        request: AuditRequest,
        reader: Reader,
        counter: TokenCounter | None,
        held_out: HeldOut | None,
        connection: sqlite3.Connection,
        out: Path,
    ) -> None:
        self.request, self.reader, self.counter, self.connection = request, reader, counter, connection
        self.held_out = held_out
        options = Options(request.cutoff_len, counter is not None, held_out)
        self.checks = [(check, check.start(options)) for check in checks()]
        self.book = Book(connection, [about for check, _ in self.checks for about in check.ABOUT])
        self.columns = {name: Column(out) for name in COLUMNS}
        self.formats: Counter[str] = Counter()
        self.usable = self.unusable = 0
        self.facts: Facts | None = None

    def run(self, tick: Callable[[], None]) -> None:
        for batch in _batches(self.reader):
            self._take(batch)
            tick()
        if not self.usable and not self.unusable:
            raise FileRefused(
                "empty", "The file holds only blank lines.", "Upload a file with one JSON object on each line."
            )
        self.facts = Facts(
            self.connection,
            self.columns,
            dict(self.formats),
            self.usable,
            self.request.file,
            self.reader.container,
        )
        for check, state in self.checks:
            check.conclude(state, self.book, self.facts)
            self.book.flush()
            tick()

    def _take(self, batch: list[Record | Problem]) -> None:
        seen_rows: list[Seen] = []
        index_rows: list[tuple[object, ...]] = []
        kept: list[Record] = []
        for item in batch:
            if isinstance(item, Problem):
                self._unusable(
                    index_rows,
                    item.number,
                    item.line,
                    item.offset,
                    item.length,
                    b"",
                    "",
                    item.code,
                    item.found,
                    item.kind,
                )
                continue
            name = ""
            try:
                name = detect(item.row)
                seen_rows.append(see(item.number, item.line, name, to_example(item.row, name)))
                kept.append(item)
            except RowProblem as error:
                where = (item.number, item.line, item.offset, item.length, item.canonical, name)
                self._unusable(index_rows, *where, error.code, mask_emails(error.found), "")
        self._count_tokens(seen_rows)
        self._fill_columns(seen_rows)
        for check, state in self.checks:
            check.look(state, seen_rows, self.book)
        index_rows += [_index_row(record, seen) for record, seen in zip(kept, seen_rows, strict=True)]
        index.add_rows(self.connection, index_rows)
        self.formats.update([seen.format for seen in seen_rows])
        self.usable += len(seen_rows)

    def _unusable(
        self, rows: list[tuple[object, ...]], number: int, line: int, offset: int, length: int, canonical: bytes,
        name: str, code: str, found: str, kind: str,
    ) -> None:  # fmt: skip
        self.unusable += 1
        self.book.flag(code, number, line, found, kind)
        rows.append(
            (number, line, offset, length, name, 0, None, None, None, _digest(canonical) if canonical else None)
        )

    def _count_tokens(self, rows: list[Seen]) -> None:
        if self.counter is None:
            return
        for seen, tokens in zip(rows, self.counter.count([seen.example for seen in rows]), strict=True):
            seen.tokens = tokens
        # Only a row that is cut can lose its whole answer.
        cut = [seen for seen in rows if seen.tokens > self.request.cutoff_len]
        for seen, tokens in zip(cut, self.counter.count_prompts([seen.example for seen in cut]), strict=True):
            seen.prompt_tokens = tokens

    def _fill_columns(self, rows: list[Seen]) -> None:
        columns = self.columns
        columns["number"].extend([seen.number for seen in rows])
        columns["line"].extend([seen.line for seen in rows])
        columns["content"].extend([hash((seen.prompt, seen.answer)) & MASK for seen in rows])
        columns["coarse"].extend([hash(seen.key) & MASK for seen in rows])
        columns["prompt"].extend(
            [hash(seen.prompt_key) & MASK if seen.prompt_key and seen.format in _ONE_ANSWER else 0 for seen in rows]
        )
        columns["answer"].extend([hash(seen.key[len(seen.prompt_key) :]) & MASK for seen in rows])
        columns["characters"].extend([len(seen.prompt) + len(seen.answer) for seen in rows])
        if self.counter is not None:
            columns["tokens"].extend([seen.tokens for seen in rows])

    def document(self) -> dict[str, Any]:
        """Everything the page shows but the rows themselves (DESIGN.md, Contracts)."""
        tally, request = self.reader.tally, self.request
        findings = [finding.as_json() for finding in self.book.findings()]
        ordered = sorted(self.formats.items(), key=lambda item: (-item[1], item[0]))
        assert self.facts is not None
        return mask_all(
            {
                "schema_version": SCHEMA_VERSION,
                "file": {
                    "name": request.filename or request.file.name,
                    "bytes": tally.bytes_read,
                    "sha256": tally.sha256,
                },
                "sha256": tally.sha256,
                "container": self.reader.container,
                "encoding": {"bom": tally.bom, "crlf_lines": tally.crlf},
                "format": ordered[0][0] if ordered else None,
                "formats": [{"name": name, "title": load(name).TITLE, "count": count} for name, count in ordered],
                "rows": {"lines": tally.lines, "blank": tally.blank, "usable": self.usable, "unusable": self.unusable},
                "findings": findings,
                "label_balance": self.facts.label_balance,
                "tokens": self._tokens(),
                "characters": describe(self.columns["characters"].values(), "characters"),
                "test": self._test(),
                "readiness": grade(self.usable, findings),
            }
        )

    def _tokens(self) -> dict[str, Any] | None:
        if self.counter is None or self.request.model is None:
            return None
        values = self.columns["tokens"].values()
        described = describe(values, "tokens")
        if described is None:
            return None
        cutoff = self.request.cutoff_len
        over = int((values > cutoff).sum())
        return described | {
            "total": int(values.sum()),
            "model": self.request.model.name,
            "chat_template": self.counter.has_template,
            "template_failures": self.counter.template_failures,
            "template_failure": self.counter.first_failure,
            "cutoff_len": cutoff,
            "over_cutoff": over,
            "share_over_cutoff": over / len(values),
        }

    def _test(self) -> dict[str, Any] | None:
        if self.held_out is None or self.request.test is None:
            return None
        return {"name": self.request.test.name, "usable": self.held_out.usable, "unusable": self.held_out.unusable}


def _digest(canonical: bytes) -> bytes:
    return hashlib.sha256(canonical).digest()


def _index_row(record: Record, seen: Seen) -> tuple[object, ...]:
    return (
        record.number, record.line, record.offset, record.length, seen.format, 1,
        seen.tokens if seen.tokens >= 0 else None, len(seen.prompt) + len(seen.answer), seen.label, _digest(record.canonical),
    )  # fmt: skip


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


def _reporter(
    request: AuditRequest, reader: Reader, report: Callable[[Progress], None] | None, started: float
) -> Callable[[], None]:
    total = request.file.stat().st_size
    last = started

    def tick() -> None:
        nonlocal last
        now = time.monotonic()
        if report is None or now - last < 0.5:
            return
        last, spent, done = now, now - started, reader.tally.bytes_read
        eta = spent * (total - done) / done if done else 0.0
        report(Progress(done, total, reader.tally.lines, reader.tally.lines / spent, eta))

    return tick
