"""The commands as others call them: exit codes, documents, run directories."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.data import cli
from engine.events import read
from tests.engine.data.rows import many, qa, write_jsonl


def run(run_dir: Path, spec: dict[str, Any]) -> list[dict[str, Any]]:
    run_dir.mkdir(exist_ok=True)
    (run_dir / "spec.json").write_text(json.dumps(spec))
    main = {"audit": cli.audit_main, "repair": cli.repair_main, "split": cli.split_main}[spec["kind"]]
    code = main([str(run_dir)])
    events, _ = read(run_dir / "events.jsonl")
    return [{"code": code}, *events]


def test_audit_prints_one_document_and_ends_with_0(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [*many(20), many(1)[0]])
    command = [sys.executable, "-m", "engine", "audit", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["findings"][0]["code"] == "exact_duplicate" and document["rows"]["usable"] == 21


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b\x08\x00", "text\n".encode("utf-16"), None])
def test_audit_of_a_refused_file_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None
) -> None:
    if data is not None:
        (tmp_path / "rows.jsonl").write_bytes(data)
    assert cli.audit_main([str(tmp_path / "rows.jsonl"), "--json"]) == 2
    assert set(json.loads(capsys.readouterr().out)["refused"]) == {"reason", "found", "remedy"}


def test_audit_repair_and_split_run_one_after_another_as_jobs(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "stored", [*many(100), many(1)[0], qa("Q", "")])
    audit_dir = tmp_path / "a" / "audit"
    asked: dict[str, Any] = {"kind": "audit", "file": str(file), "filename": "t.jsonl", "model": None}
    events = run(tmp_path / "a", asked | {"cutoff_len": 2048, "out": str(audit_dir)})
    assert events[0]["code"] == 0 and events[-1]["kind"] == "done" and events[-1]["rows"]["unusable"] == 1
    assert any(event.get("kind") == "progress" and event["step"] == event["total"] for event in events)

    out = tmp_path / "r" / "repaired.jsonl"
    operations = [{"op": "drop", "codes": ["empty_answer"]}, {"op": "dedupe", "keep": "first"}]
    asked = {"kind": "repair", "file": str(file), "audit": str(audit_dir), "operations": operations}
    events = run(tmp_path / "r", asked | {"out": str(out)})
    result = json.loads((tmp_path / "r" / "result.json").read_text())
    assert events[0]["code"] == 0 and (result["rows_in"], result["rows_out"]) == (102, 100)

    run(tmp_path / "b", {"kind": "audit", "file": str(out), "out": str(tmp_path / "b" / "audit")})
    fractions = {"train": 0.6, "validation": 0.2, "test": 0.2}
    asked = {"kind": "split", "file": str(out), "audit": str(tmp_path / "b" / "audit"), "fractions": fractions}
    events = run(tmp_path / "s", asked | {"seed": 42, "out": str(tmp_path / "s" / "split")})
    result = json.loads((tmp_path / "s" / "split" / "result.json").read_text())
    assert (
        events[0]["code"] == 0 and {name: part["rows"] for name, part in result["parts"].items()} == events[-1]["parts"]
    )
    assert sum(part["rows"] for part in result["parts"].values()) == 100


def test_a_refused_file_fails_the_job_with_reason_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "stored").write_bytes(b"\x1f\x8b\x08\x00")
    events = run(
        tmp_path / "a", {"kind": "audit", "file": str(tmp_path / "stored"), "out": str(tmp_path / "a" / "audit")}
    )
    assert events[0]["code"] == 1 and events[-1]["kind"] == "error"
    assert events[-1]["reason"] == "Data" and "gzip" in events[-1]["text"] and events[-1]["remedy"]
    assert json.loads((tmp_path / "a" / "audit" / "document.json").read_text())["refused"]["reason"] == "gzip"


def test_a_job_that_is_told_to_stop_leaves_no_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("engine.data.audit.time.monotonic", lambda: float(next(clock)))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "control").write_text("stop")
    file = write_jsonl(tmp_path / "stored", many(3000))
    events = run(tmp_path / "a", {"kind": "audit", "file": str(file), "out": str(tmp_path / "a" / "audit")})
    assert events[0]["code"] == 3 and events[-1]["stopped"] is True
    assert not list((tmp_path / "a" / "audit").iterdir())
