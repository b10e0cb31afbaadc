"""Columns of an unknown shape are given the places of a known one; nothing of the row is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.data.errors import DataError
from engine.data.examples import load
from engine.data.formats import FORMATS, detect, to_example
from engine.data.guess import first_problem, guess_columns, guess_format, reasons
from engine.data.mapping import (
    NEEDS,
    VARIANTS,
    Mapping,
    columns_in,
    columns_of,
    first_records,
    format_of,
    preview,
    write_mapped,
)
from tests.engine.data.repairing import repaired
from tests.engine.data.rows import write_jsonl

ROWS = [{"id": n, "frage": f"Wo ist {n}?", "antwort": f"Bei {n}.", "meta": {"lang": "de"}} for n in range(8)]
BOTH = {"true": ["1"], "false": [" 1"]}
GERMAN = Mapping("prompt_completion", {"prompt": "frage", "completion": "antwort"})


def test_it_reads_the_columns_that_were_chosen_and_keeps_the_rest(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", ROWS)
    made = write_mapped(path, GERMAN, tmp_path / "out.jsonl")
    assert made["rows"] == 8
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first == {"prompt": "Wo ist 0?", "completion": "Bei 0.", "other": {"id": 0, "meta": {"lang": "de"}}}
    assert [row.example.answer for row in load(tmp_path / "out.jsonl")] == [row["antwort"] for row in ROWS]


def test_it_lists_columns_also_inside_objects(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", ROWS)
    assert columns_of(path) == ["id", "frage", "antwort", "meta", "meta.lang"]
    inside = Mapping("classification", {"text": "frage", "label": "meta.lang"})
    example = preview(path, inside)[0][1]
    assert example is not None and example.answer == "de"


def test_its_preview_says_what_does_not_fit(tmp_path: Path) -> None:
    rows = [*ROWS[:1], {"frage": "mail ann@example.com"}, {"frage": "", "antwort": "x"}]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    shown = preview(path, GERMAN)
    assert [example is not None for _, example, _ in shown] == [True, False, False]
    assert all(found for _, example, found in shown if example is None)
    thumbs = preview(path, Mapping("kto", {"prompt": "frage", "completion": "antwort", "label": "meta.lang"}))
    assert "neither true nor false" in thumbs[0][2]


def test_lines_that_are_no_rows_stay_to_be_reported(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n{broken\n" + json.dumps({"id": 1}) + "\n")
    write_mapped(path, GERMAN, tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert lines[1:] == ["{broken", '{"id":1}']


@pytest.mark.parametrize(
    ("name", "columns"),
    [("novel", {}), ("text", {}), ("text", {"text": ""}), ("text", {"text": "a", "label": "b"})],
)
def test_a_mapping_that_makes_no_shape_is_refused(name: str, columns: dict[str, str]) -> None:
    with pytest.raises(DataError) as caught:
        Mapping(name, columns)
    assert caught.value.remedy


def test_the_command_writes_the_same_and_refuses_nonsense(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", ROWS)
    command = [sys.executable, "-m", "engine", "map", str(path), str(tmp_path / "out.jsonl"), "--mapping"]
    done = subprocess.run([*command, json.dumps(GERMAN.as_json())], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == write_mapped(path, GERMAN, tmp_path / "again.jsonl")
    for nonsense in ("{", "[]", '{"format": "text", "columns": {}}'):
        assert subprocess.run([*command, nonsense], capture_output=True, check=False).returncode == 2


def test_every_shape_it_offers_is_one_that_is_read() -> None:
    assert {format_of(shape) for shape in NEEDS} <= set(FORMATS)
    assert set(VARIANTS) == {shape for shape in NEEDS if ":" in shape}


ASKED, SAID = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


@pytest.mark.parametrize(
    ("shape", "columns", "row", "expected"),
    [
        (
            "preference",
            {"chosen": "win", "rejected": "lose", "tools": "t"},
            {"win": [ASKED, SAID], "lose": [ASKED, {**SAID, "content": "B"}], "t": [{"name": "look"}]},
            {"chosen": "A", "rejected": "B", "tools": [{"name": "look"}]},
        ),
        ("kto:turns", {"messages": "m", "label": "good"}, {"m": [ASKED, SAID], "good": True}, {"label": True}),
        (
            "classification:list",
            {"text": "t", "labels": "votes"},
            {"t": "Late parcel", "votes": ["late", "late", "lost"]},
            {"annotations": (("1", "late"), ("2", "late"), ("3", "lost"))},
        ),
        (
            "classification:columns",
            {"text": "t", "annotator_1": "ada", "annotator_2": "bob"},
            {"t": "Late parcel", "ada": "late", "bob": "lost"},
            {"annotations": (("annotator_1", "late"), ("annotator_2", "lost"))},
        ),
        (
            "evaluation:continuation",
            {"context": "first", "continuation": "then"},
            {"first": "He opened the", "then": "door"},
            {"shape": "evaluation"},
        ),
    ],
)
def test_each_variant_of_a_shape_is_read_as_its_format(
    tmp_path: Path, shape: str, columns: dict[str, str], row: dict[str, Any], expected: dict[str, Any]
) -> None:
    mapping = Mapping(shape, columns)
    path = write_jsonl(tmp_path / "rows.jsonl", [row])
    ((_, example, found),) = preview(path, mapping)
    assert example is not None, found
    assert example.shape == format_of(shape)
    assert {name: getattr(example, name) for name in expected} == expected
    write_mapped(path, mapping, tmp_path / "out.jsonl")
    made = json.loads((tmp_path / "out.jsonl").read_text())
    assert detect(made) == format_of(shape) and to_example(made, detect(made)).answer == example.answer


def test_fixed_texts_and_the_values_that_mean_a_thumb(tmp_path: Path) -> None:
    rows = [{"q": "Wo?", "a": "Da.", "r": value} for value in ("Good", 1, True, "poor", False, "?", None)]
    spec = {
        "format": "kto",
        "columns": {"prompt": "q", "completion": "a", "label": "r"},
        "labels": {"true": ["good", "1", "true"], "false": ["POOR", "false"]},
    }
    mapping = Mapping.of(spec)
    assert Mapping.of(mapping.as_json()) == mapping
    assert [mapping.apply(row).get("label") for row in rows] == [True, True, True, False, False, None, None]
    assert mapping.apply(rows[5]) == rows[5] and "neither among" in mapping.lacks(rows[5])
    fixed = Mapping("prompt_completion", {"prompt": "q", "completion": "a"}, {"system": "Kurz."})
    assert fixed.apply(rows[0]) == {"system": "Kurz.", "prompt": "Wo?", "completion": "Da.", "other": {"r": "Good"}}
    assert "label" not in GERMAN.as_json() and Mapping.of(fixed.as_json()) == fixed


@pytest.mark.parametrize(
    "spec",
    [
        [],
        {"format": "text"},
        {"format": "text", "columns": {"text": 1}},
        {"format": "text", "columns": {"text": "a"}, "constants": {"text": None}},
        {"format": "text", "columns": {"text": "a"}, "labels": {"true": "x"}},
        {"format": "text", "columns": {"text": "a"}, "constants": {"label": "x"}},
        {"format": "kto", "columns": dict.fromkeys(("prompt", "completion", "label"), "r"), "labels": BOTH},
    ],
)
def test_a_specification_that_means_nothing_is_refused(spec: object) -> None:
    with pytest.raises(DataError):
        Mapping.of(spec)


@pytest.mark.parametrize(
    ("row", "name", "columns"),
    [
        ({"id": 1, "Frage": "a", "Antwort": "b"}, "prompt_completion", {"prompt": "Frage", "completion": "Antwort"}),
        ({"body": "a", "topic": "b"}, "classification", {"text": "body", "label": "topic"}),
        ({"q": 1, "meta": {"question": "a", "answer": "b"}}, "prompt_completion",
         {"prompt": "meta.question", "completion": "meta.answer"}),
        ({"dialog": [{"role": "user", "content": "a"}]}, "messages", {"messages": "dialog"}),
        ({"talk": [{"from": "human", "value": "a"}]}, "sharegpt", {"conversations": "talk"}),
        ({"question": "a", "better": "b", "worse": "c"}, "preference",
         {"prompt": "question", "chosen": "better", "rejected": "worse"}),
        ({"body": "a", "n": 1}, "text", {"text": "body"}),
        ({"x": "a"}, "prompt_completion", {}),
    ],
)  # fmt: skip
def test_the_shape_and_the_columns_are_guessed_by_name_and_content(
    row: dict[str, object], name: str, columns: dict[str, str]
) -> None:
    found = columns_in([row])
    assert guess_format(found, [row]) == name and guess_columns(name, found, [row]) == columns


def test_it_says_which_columns_decide_how_rows_are_read() -> None:
    rows = [{"text": "a", "label": "b", "id": 1}] * 3 + [{"odd": 1}]
    assert reasons(rows) == [("classification", 3, ["text", "label"]), ("", 1, [])]
    problem = first_problem(rows)
    assert problem is not None and "'odd'" in problem.found


def test_the_first_rows_are_few_also_when_they_are_long(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [{"text": "x" * 3_000_000}] * 8)
    assert len(list(first_records(path))) == 3
    assert columns_in([{"x" * 300: 1, "short": {"y" * 300: 1}}]) == ["short"]


def test_a_row_that_keeping_its_other_columns_would_nest_too_deeply_is_named(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(253):
        deep = {"a": deep}
    mapping = {"format": "prompt_completion", "columns": {"prompt": "frage", "completion": "antwort"}}
    with pytest.raises(DataError, match="Line 9 is nested too deeply"):
        repaired(tmp_path, [*ROWS, {**ROWS[0], "meta": deep}], {"op": "map", "mapping": mapping})
