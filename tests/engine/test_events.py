"""The event log: what a writer promises its readers, whatever kills it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control import Control, ask
from engine.errors import EngineError
from engine.events import EventWriter, read
from engine.job import run_job


def test_it_numbers_events_and_gives_what_came_after_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as events:
        events.emit("log", text="one")
        first, offset = read(path, 0)
        events.emit("metric", step=1, loss=2.5)
    later, _ = read(path, offset)
    assert [event["seq"] for event in first + later] == [1, 2]
    assert later[0]["loss"] == 2.5


def test_it_goes_on_numbering_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(3):
        with EventWriter(path) as events:
            events.emit("log", text="x" * 100_000)
    assert [event["seq"] for event in _all(path)] == [1, 2, 3]


@pytest.mark.parametrize("tail", [b'{"seq": 3, "t": 1, "ki', b"\xff\xfe", b"{"])
def test_it_cuts_off_a_line_that_a_kill_left_half_written(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as events:
        events.emit("log", text="one")
        events.emit("log", text="two")
    with path.open("ab") as file:
        file.write(tail)
    assert [event["text"] for event in _all(path)] == ["one", "two"]
    with EventWriter(path) as events:
        events.emit("log", text="three")
    assert [(event["seq"], event["text"]) for event in _all(path)] == [(1, "one"), (2, "two"), (3, "three")]


def test_it_leaves_half_a_line_for_the_next_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"seq": 1, "t": 0, "kind": "log"}\n{"seq": 2,')
    events, offset = read(path, 0)
    assert len(events) == 1
    with path.open("ab") as file:
        file.write(b' "t": 0, "kind": "log"}\n')
    events, _ = read(path, offset)
    assert [event["seq"] for event in events] == [2]


def test_it_reads_a_line_longer_than_one_block(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as events:
        events.emit("log", text="x" * 3_000_000)
        events.emit("log", text="after")
    assert [len(event["text"]) for event in _all(path)] == [3_000_000, 5]


@given(st.dictionaries(st.sampled_from(["loss", "text", "note"]), st.floats() | st.text() | st.none()))
def test_it_writes_json_whatever_the_values(fields: dict[str, object]) -> None:
    path = Path(os.environ["WORKBENCH_HOME"]) / "fuzz.jsonl"
    path.unlink(missing_ok=True)
    with EventWriter(path) as events:
        events.emit("log", **fields)
    (event,) = _all(path)
    assert set(event) == {"seq", "t", "kind", *fields}


def test_it_writes_no_nul_which_a_database_would_refuse(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "events.jsonl") as events:
        events.emit("log", text="a\x00b", more=["\x00"])
    (event,) = _all(tmp_path / "events.jsonl")
    assert (event["text"], event["more"]) == ("a\ufffdb", ["\ufffd"])


def test_it_says_each_event_in_words_for_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EventWriter(tmp_path / "events.jsonl", echo=True) as events:
        events.emit("metric", step=5, loss=0.47488778829, domains={"science": 1})
        events.emit("warning", code="forgetting", text="General loss fell.\n")
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.endswith("metric     step 5 · loss 0.474888")
    assert second.endswith("warning    General loss fell.")


def test_it_turns_a_failure_into_an_event_with_a_remedy(tmp_path: Path) -> None:
    def body(*_: object) -> int:
        raise EngineError("Data", "Line 3 has no answer.", "Repair the data.")

    (tmp_path / "spec.json").write_text("{}")
    assert run_job(tmp_path, body) == 1
    (event,) = _all(tmp_path / "events.jsonl")
    assert (event["kind"], event["reason"], event["remedy"]) == ("error", "Data", "Repair the data.")
    assert (tmp_path / "exit_code").read_text() == "1"
    assert "Line 3" in (tmp_path / "traceback.txt").read_text()


@pytest.mark.parametrize("spec", [None, "not json", "[]"])
def test_it_says_what_is_wrong_with_a_spec(tmp_path: Path, spec: str | None) -> None:
    if spec is not None:
        (tmp_path / "spec.json").write_text(spec)
    assert run_job(tmp_path, lambda *_: 0) == 1
    (event,) = _all(tmp_path / "events.jsonl")
    assert event["reason"] == "Config"
    assert "spec.json" in event["text"]


def test_it_hears_what_the_supervisor_wants(tmp_path: Path) -> None:
    control = Control(tmp_path)
    assert control.wanted() == ""
    ask(tmp_path, "save")
    assert control.wanted() == "save"
    ask(tmp_path, "")
    assert control.wanted() == ""


def test_it_knows_an_orphan_by_a_lease_nobody_touches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control(tmp_path)
    assert not control.orphaned(), "a job started by hand has no lease and is no orphan"
    (tmp_path / "lease").touch()
    assert not control.orphaned()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 121)
    assert control.orphaned()
    os.utime(tmp_path / "lease", (1, 1))
    assert not control.orphaned(), "a touch counts, whatever the wall clock says"


def _all(path: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    offset = 0
    while True:
        events, offset = read(path, offset)
        if not events:
            assert all(json.dumps(event) for event in found)
            return found
        found += events
