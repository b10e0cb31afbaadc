from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from engine.data.errors import FileRefused
from engine.data.sniff import sniff

ROW = '{"prompt":"hi","completion":"yo"}\n'


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("rows.jsonl", ROW)
    return held.getvalue()


def _parquet() -> bytes:
    held = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"]}), held)
    return held.getvalue()


REFUSED = {
    "empty": b"",
    "empty ": b"\n \r\n\t\n",
    "empty  ": b"\xef\xbb\xbf",
    "zip": _zip(),
    "pickle": pickle.dumps([{"text": "a"}]),
    "html": b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>",
    "xml": b'<?xml version="1.0"?><rows/>',
    "git_lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "utf16": ROW.encode("utf-16"),
    "utf16 ": (ROW * 4).encode("utf-16-le"),
    "utf16  ": (ROW * 4).encode("utf-16-be"),
    "utf32": ROW.encode("utf-32"),
    "utf32 ": (ROW * 4).encode("utf-32-le"),
    "cr_only": ROW.replace("\n", "\r").encode() * 3,
    "pretty_printed": json.dumps({"a": [1], "b": 2}, indent=2).encode(),
    "binary": b"\x00" * 5000,
    "not_json": b"Once upon a time there was a file.\nIt was prose.\n",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_it_tells_apart_what_is_not_rows(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(REFUSED[kind])
    with pytest.raises(FileRefused) as caught:
        sniff(path)
    assert caught.value.kind == kind.strip()
    assert set(caught.value.as_json()) == {"reason", "found", "remedy"}
    assert caught.value.found.endswith(".") and caught.value.remedy


@pytest.mark.parametrize(
    ("name", "data", "container"),
    [
        ("rows.jsonl", ROW.encode(), "jsonl"),
        ("rows", b"\xef\xbb\xbf\n\n" + ROW.encode(), "jsonl"),
        ("rows.jsonl", b"broken, first, line\n" + ROW.encode(), "jsonl"),
        ("rows.jsonl", b'{"text":"a\\u0000b"}', "jsonl"),
        ("rows.jsonl", b'{"text":"' + b"x" * 200_000 + b'"}', "jsonl"),
        ("rows.jsonl", b"[1,2]\n" + ROW.encode(), "jsonl"),
        ("rows.json", b' [\n{"a":1}]', "json_array"),
        ("rows.jsonl", gzip.compress(ROW.encode(), mtime=0), "gzip"),
        ("rows.jsonl", _parquet(), "parquet"),
        ("rows.jsonl", b'text,category\n"I am still waiting, you know",card_arrival\nWhere?,lost\n', "csv"),
        ("rows.jsonl", b'id,prompt\n1,"a cell\nover lines"\n2,"another\none"\n', "csv"),
        ("rows.jsonl", b"text\tcategory\nhello\ta\n", "csv"),
        ("rows.csv", b'text\n"a cell that holds\n{\n""a"": 1}"\n', "csv"),
        ("rows.csv", ROW.encode(), "jsonl"),
        ("book.txt", b"Once upon a time.\nThe end.\n", "text"),
        ("rows.txt", ROW.encode(), "jsonl"),
    ],
)
def test_it_says_how_rows_are_held(tmp_path: Path, name: str, data: bytes, container: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert sniff(tmp_path / name) == container


def test_it_names_the_column_that_holds_nested_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"type": "text2text", "instances": [{"input": "a", "output": "b"}]}, indent=2))
    with pytest.raises(FileRefused, match="'instances' holds a list of objects") as caught:
        sniff(path)
    assert "instances" in caught.value.remedy


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"data": {"prompt": ["a"], "completion": ["b"]}}, "'data' holds a whole table: a list for each column"),
        ({"columns": ["prompt"], "rows": [["a"]]}, "'rows' holds a whole table: lists of cells"),
    ],
)
def test_it_names_the_wrapper_of_a_table_in_one_object(tmp_path: Path, table: dict[str, object], said: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(table, indent=2))
    with pytest.raises(FileRefused, match=said):
        sniff(path)


def test_it_goes_by_the_name_a_file_came_with(tmp_path: Path) -> None:
    (tmp_path / "0a1b2c").write_bytes(b"Once upon a time.\n")
    assert sniff(tmp_path / "0a1b2c", "Book.TXT") == "text"
