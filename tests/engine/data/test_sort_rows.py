"""Rows by what they are: filtered, put in order and searched through the row table, wherever the page begins."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.data import search
from engine.data.browse import SORTS, AuditView, open_audit
from engine.data.rowtable import Where
from tests.engine.data.rows import audit_rows, chat, many, qa


@pytest.fixture
def view(tmp_path: Path) -> AuditView:
    """60 pairs, 6 chats, 9 labelled rows of two classes, 3 copies of the first row, and a row nobody can use."""
    pairs = [qa(f"{row['prompt']} {'word ' * (number % 7)}", row["completion"]) for number, row in enumerate(many(60))]
    chats = [chat(("user", f"Question {n} of the chat"), ("assistant", f"Answer {n} " * n)) for n in range(1, 7)]
    texts = [{"text": f"Ticket number {n} says it", "label": "low" if n % 3 else "high"} for n in range(9)]
    audit_rows(tmp_path, [*pairs, *chats, *texts, *[pairs[0]] * 3, {"odd": 1}])
    return open_audit(tmp_path / "rows.jsonl", tmp_path / "audit")


@pytest.mark.parametrize("sort", [sign + key for key in SORTS for sign in ("", "-")])
def test_every_order_shows_each_row_once_whatever_the_page(view: AuditView, sort: str) -> None:
    whole = [row.number for row in view.page(sort=sort, limit=500).rows]
    paged = [row.number for offset in range(0, 90, 7) for row in view.page(sort=sort, offset=offset, limit=7).rows]
    assert paged == whole
    assert sorted(whole) == list(range(1, 80))


def test_rows_are_in_the_order_asked_for(view: AuditView) -> None:
    longest = [row.characters for row in view.page(sort="-characters", limit=500).rows]
    assert longest[-1] is None  # a row without a length comes last, both ways
    assert longest[:-1] == sorted((n for n in longest if n is not None), reverse=True)
    assert view.page(sort="characters", limit=500).rows[-1].characters is None
    assert [row.number for row in view.page(sort="-line", limit=2).rows] == [79, 78]
    formats = [row.format for row in view.page(sort="format", limit=500).rows if row.example]
    assert formats == sorted(formats)
    counts = [len(row.findings) for row in view.page(sort="-findings", limit=500).rows]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_filters_combine(view: AuditView) -> None:
    assert view.page(where=Where(format="messages")).total == 6
    assert view.page(where=Where(unusable=True)).rows[0].problem is not None
    assert [row.number for row in view.page(where=Where(finding="exact_duplicate")).rows] == [1, 76, 77, 78]
    assert view.page(where=Where(finding="exact_duplicate", format="messages")).total == 0
    every = [row.characters or 0 for row in view.page(limit=500).rows]
    assert view.page(where=Where(least=40, most=60)).total == sum(40 <= length <= 60 for length in every)
    assert [row.number for row in view.page(where=Where(numbers=[5, 3, 999])).rows] == [3, 5]
    assert view.page(where=Where(numbers=[])).total == 0
    assert view.page(where=Where(format="nonsense")).total == view.page(where=Where(label="nonsense")).total == 0


def test_a_search_keeps_to_the_filter(view: AuditView) -> None:
    assert view.page(search="QUESTION", where=Where(format="messages")).total == 6
    assert view.page(search="question", where=Where(format="text")).total == 0
    assert [row.number for row in view.page(search="number 7 says").rows] == [74]


def test_an_audit_of_before_the_table_is_browsed_all_the_same(tmp_path: Path) -> None:
    audit_rows(tmp_path, [*many(30), many(30)[4]])
    shutil.rmtree(tmp_path / "audit" / "rows")
    with open_audit(tmp_path / "rows.jsonl", tmp_path / "audit") as old:
        assert [(row.line, row.group) for row in old.page(finding="exact_duplicate").rows] == [(5, 1), (31, 1)]
        assert old.page(sort="-line", limit=1).rows[0].line == 31
    assert not (tmp_path / "audit" / "rows").exists()


def test_search_agrees_with_a_plain_scan_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against Python's own search, with blocks so small that most rows lie across two."""
    monkeypatch.setattr(search, "BLOCK", 64)
    draw = random.Random(5)
    lines = ["".join(draw.choices('abAB é"{}z', k=draw.randint(1, 90))) for _ in range(300)]
    file = tmp_path / "rows"
    file.write_text("\n".join(lines), encoding="utf-8")
    starts = np.cumsum([0, *(len(line.encode()) + 1 for line in lines[:-1])])
    for text in ("a", "ab", "BA", "zz", "é", 'é"', "abab", "nothing", "{}"):
        found = search.find_places(file, starts, text)
        low = [place for place, line in enumerate(lines) if text.lower() in line.replace("É", "").lower()]
        assert (found.places, found.capped, found.searched) == (low, False, 1.0), text
    odd = np.arange(300) % 2 == 1
    assert search.find_places(file, starts, "ab", odd).places == [
        place for place, line in enumerate(lines) if place % 2 and "ab" in line.lower()
    ]


def test_a_search_out_of_time_says_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_SECONDS", -1.0)
    (tmp_path / "rows").write_bytes(b"some text\n" * 10)
    assert search.find_places(tmp_path / "rows", np.arange(0, 100, 10), "text").capped
