"""The commands ``audit``, ``repair`` and ``split`` of ``python -m engine``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.data.audit import AuditRequest, Progress, Stopped, audit, refusal, write_document
from engine.data.errors import FileRefused
from engine.data.stopping import stoppable
from engine.errors import EngineError
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED, run_job

REFUSED = 2


def audit_main(argv: list[str]) -> int:
    """``audit FILE [--test FILE] [--production FILE] [--safety-model DIR] [--model DIR] [--cutoff-len N] [--out
    DIR] --json``, or ``audit RUN_DIR``.

    Exit codes: 0 the file could be read, 2 it was refused, 1 something else went wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m engine audit")
    parser.add_argument("path", type=Path, metavar="FILE|RUN_DIR")
    parser.add_argument("--test", type=Path, help="a held-out file whose rows must not be in FILE")
    parser.add_argument("--production", type=Path, help="a sample of real prompts, to see what FILE lacks of them")
    parser.add_argument("--safety-model", type=Path, help="a text-classification model folder that judges the rows")
    parser.add_argument("--model", type=Path, help="a model folder, for token lengths")
    parser.add_argument("--cutoff-len", type=int, default=2048, help="tokens kept of each row (default 2048)")
    parser.add_argument("--out", type=Path, help="keep document.json and index.sqlite in this folder")
    parser.add_argument("--json", action="store_true", help="print the whole document")
    options = parser.parse_args(argv)
    if options.path.is_dir():
        return run_job(options.path, _audit_body)
    return _audit_file(options)


def repair_main(argv: list[str]) -> int:
    """``repair RUN_DIR``: spec.json of kind repair → repaired.jsonl and result.json."""
    from engine.data.repair import repair_body

    return run_job(_run_dir("repair", argv), repair_body)


def split_main(argv: list[str]) -> int:
    """``split RUN_DIR``: spec.json of kind split → split/{train,validation,test}.jsonl and result.json."""
    from engine.data.split import split_body

    return run_job(_run_dir("split", argv), split_body)


def _run_dir(command: str, argv: list[str]) -> Path:
    parser = argparse.ArgumentParser(prog=f"python -m engine {command}")
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    return Path(parser.parse_args(argv).run_dir)


def _audit_file(options: argparse.Namespace) -> int:
    named = (options.model, options.cutoff_len, options.test, options.production, options.safety_model)
    request = AuditRequest(options.path, options.path.name, *named)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            document = audit(request, options.out or Path(scratch), None if options.json else _print_progress)
    except FileRefused as error:
        return _print(refusal(error), options.json, REFUSED)
    except FileNotFoundError as error:
        missing = FileRefused("not_found", f"There is no file {error.filename}.", "Check the path.")
        return _print(refusal(missing), options.json, REFUSED)
    except EngineError as error:
        print(f"{error.reason}: {error.text} {error.remedy}", file=sys.stderr)
        return 1
    return _print(document, options.json, 0)


def _print(document: dict[str, Any], as_json: bool, code: int) -> int:
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=True))
    elif "refused" in document:
        print("Refused: {found} {remedy}".format(**document["refused"]))
    else:
        print(document["readiness"]["sentence"])
        for finding in document["findings"]:
            lines = ", ".join(map(str, finding["lines"][:8])) + (" …" if len(finding["lines"]) > 8 else "")
            print(f"  {finding['severity']:<8} {finding['code']:<22} {finding['count']:>9,}  lines {lines}")
        _print_silence(document["looked"])
    return code


def _print_silence(looked: list[dict[str, Any]]) -> None:
    """What no finding says of: looked for in vain, or not looked for at all."""
    if nothing := [each for each in looked if not each["count"]]:
        print("No finding does not mean none:")
    for each in nothing:
        said = f"cannot see {each['cannot_see']}" if each["looked"] else f"not looked for: {each['why_not']}"
        print(f"  {each['code']:<22} {said}")


def _print_progress(progress: Progress) -> None:
    share = progress.bytes_read / max(1, progress.bytes_total)
    phase = f", {progress.phase.title.lower()}" if progress.phase else ""
    said = f"\r{share:4.0%} {progress.rows:,} rows, {progress.rows_per_s:,.0f} rows/s{phase}"
    print(said.ljust(79), end="", file=sys.stderr, flush=True)


def _told(progress: Progress) -> dict[str, Any]:
    """How far an audit is, as an event: bytes of the file, then the checks that compare its rows, and their pairs."""
    eta, phase = round(progress.eta_s, 1), progress.phase
    told = {"rows": progress.rows, "rows_per_s": round(progress.rows_per_s), "eta_s": eta}
    if phase is None:
        return {"step": progress.bytes_read, "total": progress.bytes_total, "unit": "bytes", **told}
    doing = (
        f"Every row is read; comparing them: {phase.title[:1].lower()}{phase.title[1:]} ({phase.place} of {phase.of})"
    )
    if phase.all:
        return {"step": phase.done, "total": phase.all, "unit": "pairs of rows", "doing": doing, **told}
    return {"step": phase.place - 1, "total": phase.of, "unit": "checks", "doing": doing, **told}


def _audit_body(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    out = Path(spec.get("out") or run_dir / "audit")
    model, test, production = spec.get("model"), spec.get("test"), spec.get("production")
    request = AuditRequest(
        Path(spec["file"]),
        str(spec.get("filename") or ""),
        Path(model) if model else None,
        int(spec.get("cutoff_len") or 2048),
        Path(test) if test else None,
        Path(production) if production else None,
        Path(spec["safety_model"]) if spec.get("safety_model") else None,
    )

    def report(progress: Progress) -> None:
        if control.wanted() or control.orphaned():
            raise Stopped
        events.emit("progress", **_told(progress))

    events.emit("status", state="running", text="Reading the file.")
    try:
        with stoppable(control, out):
            document = audit(request, out, report)
    except (Stopped, KeyboardInterrupt):
        events.emit("done", stopped=True)
        return STOPPED
    except FileRefused as error:
        write_document(out, refusal(error))
        raise
    rows = document["rows"]
    size, speed = document["file"]["bytes"], document["rows_per_second"]
    events.emit("progress", step=size, total=size, unit="bytes", rows=rows["lines"], rows_per_s=speed, eta_s=0)
    events.emit("done", rows=rows, grade=document["readiness"]["grade"], seconds=document["seconds"])
    return SUCCEEDED
