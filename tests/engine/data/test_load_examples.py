from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.errors import DataError
from engine.data.examples import load
from engine.data.records import row_id
from tests.engine.data.rows import chat, qa, write_jsonl


def test_the_system_prompt_goes_to_rows_that_have_none(tmp_path: Path) -> None:
    rows = [qa("Q", "A"), chat(("system", "Own"), ("user", "Q"), ("assistant", "A")), {"text": "raw"}]
    loaded = load(write_jsonl(tmp_path / "rows.jsonl", rows), "Answer with JSON only.")
    assert [item.example.messages[0]["content"] for item in loaded[:2]] == ["Answer with JSON only.", "Own"]
    assert loaded[2].example.messages == () and loaded[2].example.text == "raw"
    assert [(item.line, item.row_id) for item in loaded] == [(n + 1, row_id(row)) for n, row in enumerate(rows)]
    assert [item.example.prompt_text for item in loaded[:2]] == ["Q", "Q"]


def test_it_names_the_line_that_cannot_be_used(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [qa("Q", "A"), qa("Q", ""), qa("Q", "B")])
    with pytest.raises(DataError, match="Line 2: 'completion' is empty"):
        load(path)
    assert [item.line for item in load(path, skip_unusable=True)] == [1, 3]
    path.write_text('{"prompt": \n')
    with pytest.raises(DataError, match="Line 1:"):
        load(path)
