from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.data.records import Problem, Reader, Record, row_id

ROW = b'{"prompt":"hi","completion":"yo"}'

# what stands on the line → (code, kind)
BAD_LINES = {
    "a byte that is not UTF-8": (b'{"a":"\xff"}', "invalid_encoding", "invalid_utf8"),
    "a surrogate as bytes": (b'{"a":"\xed\xa0\x80"}', "invalid_encoding", "invalid_utf8"),
    "a lone surrogate": (b'{"a":"\\ud800"}', "malformed_json", "lone_surrogate"),
    "a surrogate pair the wrong way round": (b'{"a":"\\udc00\\ud800"}', "malformed_json", "lone_surrogate"),
    "NUL": (b'{"a":"\x00"}', "malformed_json", "nul"),
    "NaN": (b'{"a":NaN}', "malformed_json", "nan"),
    "Infinity": (b'{"a":[-Infinity]}', "malformed_json", "nan"),
    "a key twice": (b'{"a":1,"a":2}', "malformed_json", "duplicate_key"),
    "a key twice, once escaped": (b'{"a":1,"\\u0061":2}', "malformed_json", "duplicate_key"),
    "a key twice, deep inside, with quotes about": (
        b'{"q":"\\"x\\"","b":[{"a":1,"a":1}]}',
        "malformed_json",
        "duplicate_key",
    ),
    "a key twice beside escaped quotes": (b'{"a":"\\u0022","b":1,"b":2}', "malformed_json", "duplicate_key"),
    "an integer of 5,000 digits": (b'{"a":' + b"9" * 5000 + b"}", "malformed_json", "huge_integer"),
    "an integer just over 64 bits": (b'{"a":18446744073709551616}', "malformed_json", "huge_integer"),
    "a negative one just over": (b'{"a":-9223372036854775809}', "malformed_json", "huge_integer"),
    "a number over a double": (b'{"a":1e999}', "malformed_json", "huge_number"),
    "nesting of 10,000": (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "malformed_json", "too_deep"),
    "nesting of 400": (b'{"a":' + b"[" * 400 + b"]" * 400 + b"}", "malformed_json", "too_deep"),
    "nesting without end": (b'{"a":' * 50_000, "malformed_json", "too_deep"),
    "a row cut off": (b'{"prompt":"x', "malformed_json", "truncated"),
    "a trailing comma": (b'{"a":1,}', "malformed_json", "trailing_comma"),
    "two objects": (b'{"a":1}{"b":2}', "malformed_json", "two_values"),
    "a raw tab": (b'{"a":"\t"}', "malformed_json", "control_character"),
    "a Python dictionary": (b"{'a': 1}", "malformed_json", "python_literal"),
    "a bare word": (b"hello there", "malformed_json", "not_json"),
    "a missing colon": (b'{"a" 1}', "malformed_json", "syntax"),
    "an array": (b"[1,2]", "not_an_object", "not_an_object"),
    "a string": (b'"text"', "not_an_object", "not_an_object"),
    "null": (b"null", "not_an_object", "not_an_object"),
}


def write(folder: Path, data: bytes, name: str = "rows.jsonl") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("what", BAD_LINES)
def test_it_reports_a_bad_line_and_reads_on(tmp_path: Path, what: str) -> None:
    line, code, kind = BAD_LINES[what]
    reader = Reader(write(tmp_path, ROW + b"\n\n" + line + b"\n" + ROW + b"\n"))
    first, problem, last = list(reader)
    assert isinstance(first, Record) and isinstance(last, Record)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.kind) == (code, kind), problem.found
    assert (problem.line, problem.offset, problem.length) == (3, len(ROW) + 2, len(line))
    assert problem.found and problem.remedy and len(problem.excerpt) <= 201
    assert last.line == 4 and reader.tally.lines == 4 and reader.tally.blank == 1


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":18446744073709551615,"b":-9223372036854775808}',
        b'{"id":"12345678901234567890123456789"}',
        b'{"a":0.12345678901234567890123}',
        b'{"a":"\\ud83d\\ude00","b":"\\u0022\\"\\\\"}',
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b' {"a" : 1 ,\t"b":[ ] } ',
        '{"a":"x\u2028y\u0085z\x0c"}'.replace("\x0c", "").encode(),
    ],
)
def test_it_accepts_what_is_json(tmp_path: Path, line: bytes) -> None:
    (record,) = Reader(write(tmp_path, line + b"\n"))
    assert isinstance(record, Record)
    assert record.row == json.loads(line)


def test_it_accepts_a_byte_order_mark_and_crlf_and_counts_them(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + ROW + b"\r\n\r\n" + ROW + b"\r\n" + ROW)
    reader = Reader(path)
    records = [item for item in reader if isinstance(item, Record)]
    assert len(records) == 3 and reader.tally.bom and reader.tally.crlf == 3 and reader.tally.blank == 1
    data = path.read_bytes()
    assert all(json.loads(data[r.offset : r.offset + r.length]) == r.row for r in records)


def test_it_passes_over_a_line_of_50_mb_with_bounded_memory(tmp_path: Path) -> None:
    path = write(tmp_path, ROW + b'\n{"text":"' + b"a" * 50_000_000 + b'"}\n' + ROW + b"\n")
    reader = Reader(path)
    _, problem, last = list(reader)
    assert isinstance(problem, Problem) and problem.kind == "too_long"
    assert problem.length == 50_000_011 and problem.excerpt.startswith('{"text":"aaa')
    assert isinstance(last, Record) and last.line == 3
    assert path.read_bytes()[last.offset : last.offset + last.length] == ROW


def test_it_reads_a_long_line_that_spans_blocks(tmp_path: Path) -> None:
    text = "é" * 1_500_000
    (record, after) = Reader(write(tmp_path, json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n" + ROW))
    assert isinstance(record, Record) and record.row["text"] == text
    assert isinstance(after, Record)


def test_it_streams_a_json_array_with_physical_lines(tmp_path: Path) -> None:
    rows = [{"text": f'}}]\\" {number}', "deep": [[{"a": number}]]} for number in range(5000)]
    path = write(tmp_path, json.dumps(rows, indent=1).encode(), "rows.json")
    reader = Reader(path)
    records = [item for item in reader if isinstance(item, Record)]
    assert reader.container == "json_array"
    assert [record.row for record in records] == rows
    lines = path.read_bytes().split(b"\n")
    assert all(lines[record.line - 1].strip() == b"{" for record in records)
    assert reader.tally.lines == 5000


@pytest.mark.parametrize(
    ("data", "kinds", "usable"),
    [
        (b'[{"a":1} {"a":2}]', ["no_comma"], 1),
        (b'[{"a":1},,{"a":2}]', ["no_element"], 2),
        (b'[{"a":1},{"a":2', ["truncated"], 1),
        (b'[{"a":1},{"a":"x\\', ["truncated"], 1),
        (b'[{"a":1}, 5, "x", [1]]', ["not_an_object"] * 3, 1),
        (b'[{"a":1}\n]\nrest\nmore', ["after_end", "after_end"], 1),
        (b"[" * 10_000 + b"]" * 10_000, ["too_deep"], 0),
        (b"[" * 10_000, ["truncated"], 0),
        (b'[{"a":"' + b"x" * 20_000_000 + b'\\""},{"a":1}]', ["too_long"], 1),
        (b"[" + b"[" * 5_000_000 + b"]" * 5_000_000 + b',{"a":1}]', ["too_long"], 1),
    ],
)
def test_it_reports_what_is_wrong_in_an_array(tmp_path: Path, data: bytes, kinds: list[str], usable: int) -> None:
    reader = Reader(write(tmp_path, data, "rows.json"))
    items = list(reader)
    assert [item.kind for item in items if isinstance(item, Problem)] == kinds
    assert sum(isinstance(item, Record) for item in items) == usable
    assert reader.tally.lines == len(items)


def test_a_row_keeps_its_identity_whatever_its_writing() -> None:
    assert row_id({"a": "é", "b": [1, 2]}) == row_id(json.loads('{ "b" : [1,2], "a" : "\\u00e9" }'))
    assert row_id({"a": 1}) != row_id({"a": "1"})
    assert len(row_id({})) == 64


def test_a_problem_shows_no_address(tmp_path: Path) -> None:
    (problem,) = Reader(write(tmp_path, b'{"mail": "jane.doe@example.com"'))
    assert isinstance(problem, Problem)
    assert "jane" not in problem.excerpt and "j***@e***.com" in problem.excerpt
