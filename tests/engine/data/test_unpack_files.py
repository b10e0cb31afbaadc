"""gzip, CSV and Parquet come in as the rows they hold; what is damaged or too large is refused with a sentence."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.containers import gzip as gzip_container
from engine.data.containers.sink import Sink
from engine.data.errors import FileRefused
from engine.data.examples import load
from engine.data.records import Problem, Reader, Record
from engine.data.repair import repair
from tests.engine.data.rows import chat, finding, many, write_jsonl

ROWS = many(30)


def packed(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def table(rows: list[list[str]], **dialect: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode()


def rows_of(path: Path) -> list[dict[str, Any]]:
    items = list(Reader(path))
    assert all(isinstance(item, Record) for item in items), items
    return [item.row for item in items if isinstance(item, Record)]


def refused(path: Path) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        list(Reader(path))
    assert caught.value.found.endswith(".") and caught.value.remedy
    return caught.value


LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.jsonl", "rows"])
def test_gzip_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name, gzip.compress(LINES[:700]) + gzip.compress(LINES[700:]))
    assert rows_of(path) == ROWS
    assert [loaded.line for loaded in load(path)] == list(range(1, 31))


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("rows.json.gz", json.dumps(ROWS, indent=1).encode()),
        ("rows.csv.gz", table([["prompt", "completion"], *(list(row.values()) for row in ROWS)])),
    ],
)
def test_gzip_holds_any_plain_container(tmp_path: Path, name: str, inside: bytes) -> None:
    assert rows_of(packed(tmp_path, name, gzip.compress(inside))) == ROWS


def test_gzip_of_plain_text_goes_by_the_name_inside(tmp_path: Path) -> None:
    assert rows_of(packed(tmp_path, "book.TXT.GZ", gzip.compress(b"One.\nTwo.\n"))) == [
        {"text": "One."},
        {"text": "Two."},
    ]


def test_a_cut_or_damaged_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(LINES)
    assert refused(packed(tmp_path, "cut.gz", whole[:-20])).kind == "gzip"
    damaged = whole[:40] + bytes([whole[40] ^ 0xFF]) + whole[41:]
    assert refused(packed(tmp_path, "bad.gz", damaged)).kind == "gzip"


@pytest.mark.parametrize(
    ("kind", "inside"), [("gzip", gzip.compress(LINES)), ("pickle", pickle.dumps([1])), ("zip", b"PK\x03\x04")]
)
def test_an_archive_inside_an_archive_is_refused(tmp_path: Path, kind: str, inside: bytes) -> None:
    error = refused(packed(tmp_path, "rows.gz", gzip.compress(inside)))
    assert error.kind == kind
    assert "Inside the gzip archive" in error.found


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_container, "FREE_BYTES", 4 << 20)
    path = packed(tmp_path, "rows.gz", gzip.compress(b"\0" * (40 << 20)))
    with (tmp_path / "out").open("wb") as file, pytest.raises(FileRefused) as caught:
        gzip_container.unpack(path, Sink(file))
    assert caught.value.kind == "gzip_bomb"
    assert (tmp_path / "out").stat().st_size <= 9 << 20


def test_nothing_unpacks_beyond_the_room_there_is(tmp_path: Path) -> None:
    path = packed(tmp_path, "rows.gz", gzip.compress(LINES))
    command = [sys.executable, "-m", "engine", "unpack", str(path), str(tmp_path), "--most-bytes", "100"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["refused"]["reason"] == "too_large"


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_table_is_read_with_its_delimiter_and_mark(tmp_path: Path, delimiter: str, start: str) -> None:
    cells = [["text", "category"], ["a, b; c|d\te", "one"], ['say "hi"', "two"], ["café", "three"]]
    path = packed(tmp_path, "rows.csv", start.encode() + table(cells, delimiter=delimiter))
    assert [list(row.values()) for row in rows_of(path)] == cells[1:]
    assert audit(AuditRequest(path), tmp_path / "audit")["encoding"]["bom"] is bool(start)


def test_the_lines_of_a_table_are_physical(tmp_path: Path) -> None:
    text = b'text,label\r\n"over\r\ntwo lines",a\r\n\r\nplain,b\r\ntoo,many,cells\r\nfew\r\nlast,c\r\n'
    items = list(Reader(packed(tmp_path, "rows.csv", text)))
    assert [item.line for item in items] == [2, 5, 6, 7, 8]
    assert [type(item) for item in items] == [Record, Record, Problem, Problem, Record]
    assert isinstance(items[0], Record) and items[0].row == {"text": "over\r\ntwo lines", "label": "a"}


def test_bytes_that_are_not_utf8_are_named_at_their_line(tmp_path: Path) -> None:
    path = packed(tmp_path, "rows.csv", b"text,label\ngood,a\ncaf\xe9,b\ngood too,c\n")
    problem = next(item for item in Reader(path) if isinstance(item, Problem))
    assert (problem.line, problem.code) == (3, "invalid_encoding")
    assert "0xE9" in problem.found


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"text,text\na,b\n", "two columns have the name"),
        (b",\na,b\n", "names no columns"),
        (b"text,label\n", "no rows"),
        (b'text,label\n"never closed,a\nb,c\n', "line 2"),
        (b'text,label\na,b\n"one"two,c\n', "line 3"),
        (b"text,label\n" + b"x" * (9 << 20) + b",a\n", "longer than"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_the_place(tmp_path: Path, data: bytes, says: str) -> None:
    assert says in refused(packed(tmp_path, "rows.csv", data)).found.lower()


def test_parquet_is_read_with_nested_turns(tmp_path: Path) -> None:
    rows = [chat(("user", "Q"), ("assistant", "A")), {"messages": [{"role": "user", "content": "R"}], "score": 2.5}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet", row_group_size=1)
    assert rows_of(tmp_path / "rows.parquet") == [rows[0], {"messages": rows[1]["messages"]}]


def test_parquet_values_that_json_lacks_become_text(tmp_path: Path) -> None:
    held = pyarrow.table({"text": ["a"], "price": [Decimal("1.50")]})
    pyarrow.parquet.write_table(held, tmp_path / "rows.parquet")
    assert rows_of(tmp_path / "rows.parquet") == [{"text": "a", "price": "1.50"}]


def test_parquet_that_is_damaged_or_holds_bytes_is_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"image": [{"bytes": b"\xff\xd8"}]}), tmp_path / "rows.parquet")
    assert "'image'" in refused(tmp_path / "rows.parquet").found
    assert refused(packed(tmp_path, "cut.parquet", b"PAR1" + b"x" * 400)).kind == "parquet"


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl.gz", "rows.parquet"])
def test_a_packed_file_audits_and_repairs_as_its_rows_do(tmp_path: Path, name: str) -> None:
    rows = [*ROWS, ROWS[3], ROWS[3]]
    path = tmp_path / name
    if name.endswith(".csv"):
        path.write_bytes(table([["prompt", "completion"], *(list(row.values()) for row in rows)]))
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(write_jsonl(tmp_path / "plain.jsonl", rows).read_bytes()))
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    document = audit(AuditRequest(path), tmp_path / "audit")
    assert document["rows"] == {"lines": 32, "blank": 0, "usable": 32, "unusable": 0}
    assert finding(document, "exact_duplicate")["surplus"] == 2
    result = repair(path, tmp_path / "audit", [{"op": "dedupe", "keep": "first"}], tmp_path / "out.jsonl")
    assert result["rows_out"] == 30
    assert rows_of(tmp_path / "out.jsonl") == ROWS
