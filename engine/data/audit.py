"""One streaming pass over a data file: what is in it, what is wrong with it, and where. Memory is bounded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.data import index, leaks, rowtable
from engine.data.book import LINES_SHOWN
from engine.data.checks import SECTIONS, Facts
from engine.data.errors import FileRefused
from engine.data.formats import load
from engine.data.leaks import HeldOut
from engine.data.lengths import describe
from engine.data.mask import mask_all
from engine.data.readiness import grade
from engine.data.records import Reader
from engine.data.survey import Phase, Survey
from engine.data.tokens import TokenCounter
from engine.data.unusable import unusable
from engine.data.valuable import touched_by

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """``filename`` is the name the file came with; ``model`` a folder with a tokenizer; ``test`` a held-out file;
    ``production`` a sample of the prompts that real users send; ``safety_model`` a folder with a text-classification
    model that judges the rows."""

    file: Path
    filename: str = ""
    model: Path | None = None
    cutoff_len: int = 2048
    test: Path | None = None
    production: Path | None = None
    safety_model: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit is: bytes read of bytes in the file, rows seen, rows and bytes a second since it began. Once
    every row is read, ``phase`` is the check that compares them, ``rows_per_s`` of the file no longer changes, and
    ``eta_s`` is that of the phase (0: unknown)."""

    bytes_read: int
    bytes_total: int
    rows: int
    rows_per_s: float
    eta_s: float
    phase: Phase | None = None


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
        about = (request.cutoff_len, request.production, request.safety_model)
        survey = Survey(reader, connection, out, counter, held_out, *about)
        facts = survey.run(_reporter(survey, report, started))
        document = _document(request, survey, facts, held_out)
        index.finish(connection)
        rowtable.write(connection, out / rowtable.FOLDER)
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


def _document(request: AuditRequest, survey: Survey, facts: Facts, held_out: HeldOut | None) -> dict[str, Any]:
    """Everything the page shows but the rows themselves (DESIGN.md, Contracts)."""
    tally, unpacked = survey.reader.tally, survey.reader.unpacked
    findings = [finding.as_json() for finding in survey.book.findings()]
    ordered = sorted(survey.formats.items(), key=lambda item: (-item[1], item[0]))
    document = {
        "schema_version": SCHEMA_VERSION,
        "file": {
            "name": request.filename or request.file.name,
            "bytes": request.file.stat().st_size,
            "sha256": tally.sha256,
        },
        "sha256": tally.sha256,
        "container": survey.reader.container,
        "encoding": {"bom": tally.bom or (unpacked is not None and unpacked.bom), "crlf_lines": tally.crlf},
        "unpacked": unpacked.via if unpacked else [],
        "format": ordered[0][0] if ordered else None,
        "formats": [{"name": name, "title": load(name).TITLE, "count": count} for name, count in ordered],
        "rows": {
            "lines": tally.lines,
            "blank": tally.blank,
            "usable": survey.usable,
            "unusable": survey.unusable,
        },
        "findings": findings,
        "unusable": _unusable(survey, facts),
        "label_balance": facts.label_balance,
        "tokens": _tokens(request, survey),
        "characters": describe(survey.columns["characters"].values(), "characters"),
        "test": leaks.document(held_out) if held_out is not None else None,
        "looked": survey.book.looked(),
        **{name: facts.sections.get(name) for name in SECTIONS},
        "readiness": grade(survey.usable, findings, touched_by(facts.connection)),
    }
    masked: dict[str, Any] = mask_all(document)
    return masked


def _unusable(survey: Survey, facts: Facts) -> list[dict[str, Any]]:
    """The first lines that cannot be used, each with its place and kind."""
    if not survey.unusable:
        return []
    return list(unusable(survey.reader.path, survey.reader.container, facts.connection, LINES_SHOWN))


def _tokens(request: AuditRequest, survey: Survey) -> dict[str, Any] | None:
    values, counter = survey.columns["tokens"].values(), survey.counter
    described = describe(values, "tokens")
    if described is None or counter is None or request.model is None:
        return None
    over = int((values > request.cutoff_len).sum())
    return described | {
        "total": int(values.sum()),
        "model": request.model.name,
        "chat_template": counter.has_template,
        "template_failures": counter.template_failures,
        "template_failure": counter.first_failure,
        "cutoff_len": request.cutoff_len,
        "over_cutoff": over,
        "share_over_cutoff": over / len(values),
    }


def _reporter(survey: Survey, report: Callable[[Progress], None] | None, started: float) -> Callable[[], None]:
    tally, total = survey.reader.tally, survey.reader.path.stat().st_size
    last = begun = started
    known, rate = ("", False), 0.0

    def tick() -> None:
        nonlocal last, begun, known, rate
        now, phase = time.monotonic(), survey.phase
        at = (phase.title, phase.all > 0) if phase else known
        if report is None or (now - last < 0.5 and at == known):
            return
        last, spent, done = now, now - started, tally.bytes_read
        if phase is None:
            rate = tally.lines / spent
            eta = spent * (total - done) / done if done else 0.0
        else:
            begun, known = (begun, known) if at == known else (now, at)
            rate = rate or tally.lines / spent
            eta = (now - begun) * (phase.all - phase.done) / phase.done if phase.done else 0.0
        report(Progress(done, total, tally.lines, rate, eta, phase))

    return tick
