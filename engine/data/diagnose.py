"""Why a line is not a row: one kind, what was found and the remedy. Only lines that failed come here."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, NoReturn

MAX_LINE_BYTES = 8 << 20
# orjson writes at most 254 levels; a row is written again for its identity, so deeper ones are refused.
MAX_DEPTH = 254
MAX_INTEGER, MIN_INTEGER = 2**64 - 1, -(2**63)

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BRACKETS = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)


class Diagnosis(NamedTuple):
    code: str
    kind: str
    found: str
    remedy: str


class _Met(ValueError):
    """Raised out of the standard parser's hooks with the diagnosis it ran into."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.kind)
        self.diagnosis = diagnosis


def too_long(length: int) -> Diagnosis:
    found = f"A line of {length:,} bytes; rows are read up to {MAX_LINE_BYTES:,} bytes."
    return Diagnosis("malformed_json", "too_long", found, "Check for a missing line end; cut the row into several.")


def not_an_object(row: Any) -> Diagnosis:
    names = {list: "an array", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    what = names.get(type(row), "null")
    remedy = 'Write a row as a JSON object, such as {"prompt": "…", "completion": "…"}.'
    return Diagnosis("not_an_object", "not_an_object", f"The line is JSON but holds {what}, not an object.", remedy)


def diagnose(raw: bytes) -> Diagnosis | None:
    """What is wrong with ``raw`` (one line), or None when it is sound after all.

    Never recurses with the data and never raises; the work is linear in the length.
    """
    if b"\x00" in raw:
        at = raw.index(b"\x00") + 1
        found = f"A NUL byte at column {at}; the file may be damaged or half written."
        return Diagnosis("malformed_json", "nul", found, "Write the file again; a NUL inside text is written \\u0000.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _encoding(raw, error)
    if _depth(raw) > MAX_DEPTH:
        found = f"Arrays or objects nested {_depth(raw):,} deep; at most {MAX_DEPTH} are read."
        return Diagnosis("malformed_json", "too_deep", found, "Flatten the row.")
    return _parse_slowly(text)


def _encoding(raw: bytes, error: UnicodeDecodeError) -> Diagnosis:
    byte = raw[error.start]
    found = f"Byte 0x{byte:02X} at column {error.start + 1} is not UTF-8."
    if raw[error.start : error.start + 1] == b"\xed":
        found = f"A lone surrogate written as bytes at column {error.start + 1} is not UTF-8."
    return Diagnosis(
        "invalid_encoding", "invalid_utf8", found, "Save the file as UTF-8; it looks like Windows-1252 or Latin-1."
    )


def _depth(raw: bytes) -> int:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for match in _BRACKETS.finditer(raw):
        mark = match[0]
        if mark in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in (b"]", b"}"):
            depth -= 1
    return deepest


def _parse_slowly(text: str) -> Diagnosis | None:
    try:
        row = json.loads(
            text, parse_constant=_constant, parse_int=_integer, parse_float=_float, object_pairs_hook=_pairs
        )
    except _Met as met:
        return met.diagnosis
    except RecursionError:
        return Diagnosis("malformed_json", "too_deep", f"Nested more than {MAX_DEPTH} deep.", "Flatten the row.")
    except json.JSONDecodeError as error:
        return _syntax(text, error)
    if "\\u" in text and _has_surrogate(row):
        found = "A lone surrogate (half of a two-part \\uD8xx\\uDCxx escape); it stands for no character."
        return Diagnosis("malformed_json", "lone_surrogate", found, "Write the whole pair, or remove the escape.")
    return None


def _constant(name: str) -> NoReturn:
    found = f"{name} is not JSON, though Python writes it."
    raise _Met(
        Diagnosis("malformed_json", "nan", found, "Write null, or leave the row out (json.dumps(…, allow_nan=False)).")
    )


def _integer(digits: str) -> int:
    # Python itself refuses to read more than 4,300 digits; a longer one than 64 bits would be rounded silently.
    if len(digits) > 20 or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        found = f"An integer of {len(digits.lstrip('-')):,} digits; 64 bits hold at most 20."
        raise _Met(Diagnosis("malformed_json", "huge_integer", found, "Write it as a string."))
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        found = f"The number {digits[:24]} is larger than a 64-bit float holds."
        raise _Met(Diagnosis("malformed_json", "huge_number", found, "Write it as a string."))
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        found = f"The key {twice[:40]!r} stands twice in one object; which value counts is not defined."
        raise _Met(Diagnosis("malformed_json", "duplicate_key", found, "Keep one of the two."))
    return row


def _has_surrogate(row: Any) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _syntax(text: str, error: json.JSONDecodeError) -> Diagnosis:
    stripped = text.strip()
    at, column = error.pos, error.pos + 1
    here = text[at : at + 1]
    rest = text[at:].lstrip()
    if stripped.startswith("\ufeff"):
        return Diagnosis(
            "malformed_json", "bom", "A byte order mark in the middle of the file.", "Join files without their marks."
        )
    if stripped[:1] not in ("{", "["):
        found = f"The line begins with {stripped[:12]!r}, not with an opening brace."
        return Diagnosis("malformed_json", "not_json", found, "Write one JSON object on each line, nothing else.")
    if "'" in text[: at + 1] and (here == "'" or stripped.startswith("{'")):
        found = f"Single quotes at column {column}: a Python dictionary, not JSON."
        return Diagnosis("malformed_json", "python_literal", found, "Write it with json.dumps(row).")
    if error.msg.startswith("Extra data"):
        found = f"A second value begins at column {column} on the same line."
        return Diagnosis("malformed_json", "two_values", found, "Put each object on a line of its own.")
    if "control character" in error.msg:
        found = f"A raw control character (U+{ord(here or ' '):04X}) inside a string at column {column}."
        return Diagnosis("malformed_json", "control_character", found, "Escape it: \\t, \\n or \\u00XX.")
    if not rest or error.msg.startswith("Unterminated string"):
        found = f"The line ends in the middle of a value (column {len(text.rstrip()) + 1})."
        return Diagnosis(
            "malformed_json",
            "truncated",
            found,
            "Complete the row, or remove it; a line feed inside text is written \\n.",
        )
    if rest[:1] in "}]" and text[:at].rstrip().endswith(","):
        found = f"A comma before the closing bracket at column {column}."
        return Diagnosis("malformed_json", "trailing_comma", found, "Remove the comma.")
    found = f"Unexpected {here!r} at column {column} ({error.msg.lower()})."
    return Diagnosis("malformed_json", "syntax", found, "Correct the line, or write the file with a JSON library.")
