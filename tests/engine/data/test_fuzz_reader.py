"""Whatever the bytes: no exception but a refusal, and the counts add up."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.data.audit import AuditRequest, audit
from engine.data.errors import FileRefused
from engine.data.records import Problem, Reader, Record, row_id
from engine.data.sniff import Container

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
COLUMNS = (
    "messages conversations prompt completion chosen rejected label text instruction output query choices gold role "
    "content from value tools"
)
columns = st.sampled_from(COLUMNS.split())
shaped = st.dictionaries(
    columns, values | st.lists(st.dictionaries(columns, values, max_size=3), max_size=3), max_size=5
)
PIECES = b'{"a":1} { } [ ] , " \\ \\u d800 : NaN 12345678901234567890 e999 \''.split(b" ")
tokens = st.sampled_from([*PIECES, b"\n", b"\r\n", b"\r", b" ", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8"])
noise = st.binary(max_size=60) | st.lists(tokens, max_size=40).map(b"".join)


def read_all(data: bytes, container: Container | None) -> tuple[Reader, list[Record | Problem]]:
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        reader = Reader(Path(file.name), container)
        return reader, list(reader)


@settings(max_examples=400, deadline=None)
@given(noise, st.sampled_from([None, "jsonl", "json_array", "text"]))
@example(b'[{"a":"\\', "json_array")
@example(b'["', "json_array")
@example(b"\x1f\x8b", "jsonl")
def test_it_never_raises_and_counts_every_line(data: bytes, container: Container | None) -> None:
    try:
        reader, items = read_all(data, container)
    except FileRefused:
        assert container is None
        return
    assert len(items) == reader.tally.lines - reader.tally.blank
    assert [item.number for item in items] == sorted({item.number for item in items})
    if reader.unpacked is not None:  # a table: the tally is of its rows
        return
    assert reader.tally.bytes_read == len(data)
    if reader.container != "json_array":
        body = data.removeprefix(b"\xef\xbb\xbf")
        assert reader.tally.lines == body.count(b"\n") + (not body.endswith(b"\n") and body != b"")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=8), values, max_size=5), min_size=1, max_size=8), st.booleans())
def test_it_gives_every_sound_row_back(rows: list[dict[str, object]], as_array: bool) -> None:
    text = json.dumps(rows) if as_array else "\n".join(json.dumps(row) for row in rows)
    _, items = read_all(text.encode(), "json_array" if as_array else "jsonl")
    assert [item.row for item in items if isinstance(item, Record)] == rows
    assert [item.row_id for item in items if isinstance(item, Record)] == [row_id(row) for row in rows]


@settings(max_examples=80, deadline=None)
@given(st.lists(shaped | st.binary(max_size=20), max_size=12))
def test_an_audit_of_any_rows_ends_with_counts_that_add_up(rows: list[dict[str, object] | bytes]) -> None:
    data = b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(data)
        try:
            document = audit(AuditRequest(path), Path(folder) / "out")
        except FileRefused:
            return
    counts = document["rows"]
    assert counts["lines"] == counts["blank"] + counts["usable"] + counts["unusable"]
    assert counts["usable"] == sum(entry["count"] for entry in document["formats"])


def written(chance: Random, text: str) -> str:
    """A JSON string in one of its spellings: any character may be escaped."""
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t"}
    spelt = []
    for char in text:
        units = char.encode("utf-16-be").hex()
        escaped = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        forms = [escaped, short[char]] if char in short else [escaped] if ord(char) < 0x20 else [escaped, char]
        spelt.append(chance.choice(forms))
    return f'"{"".join(spelt)}"'


awkward = st.text(st.sampled_from('"\\/\nab:,{}[]é\u20280'), max_size=6)
trees = st.recursive(
    awkward | st.integers(0, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(awkward, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def spell(chance: Random, value: Any) -> str:
    """JSON of a tree in which an object is a tuple of pairs, so that a key may come twice."""
    if isinstance(value, str):
        return written(chance, value)
    blank = chance.choice(("", "", " "))
    if isinstance(value, list):
        return "[" + f",{blank}".join(spell(chance, each) for each in value) + "]"
    if isinstance(value, tuple):
        pairs = (f"{written(chance, key)}:{blank}{spell(chance, each)}" for key, each in value)
        return "{" + f"{blank},".join(pairs) + "}"
    return json.dumps(value)


def doubled(value: Any) -> bool:
    """Does a key come twice in one object?"""
    if isinstance(value, tuple):
        return len({key for key, _ in value}) < len(value) or any(doubled(each) for _, each in value)
    return isinstance(value, list) and any(map(doubled, value))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(awkward, trees), min_size=1, max_size=4).map(tuple), st.randoms(use_true_random=False))
def test_a_key_that_comes_twice_is_reported_however_it_is_spelt(row: tuple[Any, ...], chance: Random) -> None:
    _, (item,) = read_all(spell(chance, row).encode(), "jsonl")
    if doubled(row):
        assert isinstance(item, Problem) and item.kind == "duplicate_key"
    else:
        assert isinstance(item, Record)


@pytest.mark.parametrize(
    "line",
    [
        rb'{"a":1,"a":"\u0022\u0022"}',
        rb'{"a":"\u0022\u0022\u0022","b":{"c":1,"\u0063":2}}',
        rb'{"":1,"":"\u0022\u0022"}',
        rb'{"a":"\u0022\u0022","a":1,"b":"\u0022\u0022"}',
    ],
)
def test_quotes_that_balance_hide_no_key(line: bytes) -> None:
    _, (item,) = read_all(line, "jsonl")
    assert isinstance(item, Problem) and item.kind == "duplicate_key"


def sound(kind: str) -> bytes:
    """A small valid file of each packed kind."""
    rows = [{"prompt": f"Who is {number}?", "completion": 'Nobody, "they" say.\n'} for number in range(5)]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == "gzip":
        return gzip.compress(lines, mtime=0)
    if kind == "csv":
        return b"prompt,completion\r\n" + b'"Who, me?","a ""b"" c\nd"\r\nplain,b\r\n' * 3
    if kind == "json_array":
        return json.dumps(rows, indent=1).encode()
    held = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), held)
    return held.getvalue()


NAMES = {"gzip": "rows.jsonl.gz", "csv": "rows.csv", "json_array": "rows.json", "parquet": "rows.parquet"}
edits = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.sampled_from(["set", "cut", "add"]), st.binary(max_size=6)), max_size=4
)


@pytest.mark.parametrize("kind", NAMES)
@settings(max_examples=60, deadline=None)
@given(edits)
def test_a_changed_packed_file_is_refused_or_read_with_counts_that_add_up(
    kind: str, changes: list[tuple[int, str, bytes]]
) -> None:
    data = bytearray(sound(kind))
    for place, what, new in changes:
        at = place % (len(data) + 1)
        data[at : at + (0 if what == "add" else len(new))] = new if what != "cut" else b""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAMES[kind]
        path.write_bytes(bytes(data))
        try:
            reader = Reader(path)
            items = list(reader)
        except FileRefused as refused:
            assert refused.found.endswith(".") and refused.remedy and refused.kind
            return
        assert len(items) == reader.tally.lines - reader.tally.blank
        assert changes or len(items) >= 5


@pytest.mark.parametrize("block", [1, 2, 3, 7])
@settings(max_examples=60, deadline=None)
@given(noise)
def test_the_size_of_a_block_changes_nothing(block: int, data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        container: Container
        for container in ("jsonl", "json_array"):
            whole = read_all(data, container)[1]
            patch.setattr("engine.data.pieces.BLOCK_BYTES", max(block, 3))
            assert read_all(data, container)[1] == whole
            patch.undo()
