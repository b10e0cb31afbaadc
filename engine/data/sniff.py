"""What kind of file is this? Says how its rows are held, or refuses it with what was found and the remedy."""

from __future__ import annotations

import csv
import re
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Literal

import orjson

from engine.data.errors import FileRefused

# The last three are unpacked before they are read (engine.data.unpack).
Container = Literal["jsonl", "json_array", "text", "csv", "parquet", "gzip"]
HEAD_BYTES = 1 << 16
BOM = b"\xef\xbb\xbf"
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
TABLE_NAMES = (".csv", ".tsv", ".tab")
DELIMITERS = ("\t", ",", ";", "|")
JSONL_REMEDY = "Save it as JSON Lines: UTF-8 text, one JSON object on each line."

# first bytes → (kind, what it is, remedy)
MAGIC: tuple[tuple[bytes, str, str, str], ...] = (
    (b"PK\x03\x04", "zip", "a zip archive (also the inside of .xlsx, .docx, .npz and .pt files)",
     "Unpack it, or export the sheet as JSON Lines."),
    (b"PK\x05\x06", "zip", "an empty zip archive", "Upload the rows themselves as JSON Lines."),
    (b"ARROW1", "arrow", "an Arrow file", "Export its rows as JSON Lines."),
    (b"\xff\xff\xff\xff", "arrow", "an Arrow stream", "Export its rows as JSON Lines."),
    (b"\x28\xb5\x2f\xfd", "zstd", "a zstandard archive", "Unpack it first (unzstd FILE)."),
    (b"BZh", "bzip2", "a bzip2 archive", "Unpack it first (bunzip2 FILE)."),
    (b"\xfd7zXZ\x00", "xz", "an xz archive", "Unpack it first (unxz FILE)."),
    (b"7z\xbc\xaf\x27\x1c", "7z", "a 7-Zip archive", "Unpack it first."),
    (b"SQLite format 3\x00", "sqlite", "an SQLite database", "Export the table as JSON Lines."),
    (b"%PDF", "pdf", "a PDF document", "Extract its text into rows like {\"text\": \"…\"}."),
    (b"GGUF", "gguf", "a GGUF model", "Upload data here; models are registered under Models."),
    (b"\x89HDF", "hdf5", "an HDF5 file", "Export its rows as JSON Lines."),
    (b"version https://git-lfs", "git_lfs_pointer", "a git-LFS pointer: a small note that stands for the real file",
     "Fetch the real file (git lfs pull) and upload that."),
)  # fmt: skip
TRANSCODE = "Save it as UTF-8 (for example: iconv -f {0} -t UTF-8 FILE > NEW)."
UTF_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)

# A column that holds a list of objects; those of a conversation are no rows.
_NESTED = re.compile(rb'^\s{1,8}"([^"\\\n]{1,200})"\s*:\s*\[\s*\{', re.MULTILINE)
# A whole table in one object: lists by column, or lists of cells.
_TABLE = re.compile(
    rb'^\s{1,8}"(data|rows|columns|records|table)"\s*:\s*(?:\{\s*"[^"\n]{1,200}"\s*:\s*\[|\[\s*\[)', re.M
)
_TURNS = (b"messages", b"conversations", b"conversation", b"prompt", b"chosen", b"rejected", b"tools")


def sniff(path: Path, name: str = "") -> Container:
    """How ``path`` holds its rows, judged by its first 64 KB (and, for plain text, by the name it came with).

    Raises FileRefused when it does not hold rows at all.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        whole = len(head) < HEAD_BYTES
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(PARQUET):
        return "parquet"
    for refuse in (_refuse_binary, _refuse_other_encoding):
        refuse(head)
    body = head.removeprefix(BOM)
    if whole and not body.strip():
        found = "The file is empty." if not body else "The file holds only white space."
        raise FileRefused("empty", found, "Upload a file with one JSON object on each line.")
    name, is_json = (name or path.name).lower(), body.lstrip()[:1] in (b"{", b"[")
    if name.endswith(".txt") and not is_json:
        return "text"
    _refuse_html(body)
    # A cell may hold JSON over many lines; the name decides before they are looked at.
    return "csv" if name.endswith(TABLE_NAMES) and not is_json else _container(body, whole)


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _refuse_binary(head: bytes) -> None:
    for magic, kind, what, remedy in MAGIC:
        if head.startswith(magic):
            raise FileRefused(kind, f"This is {what}, whatever its name says.", remedy)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 2:
        found = "This is a Python pickle. Reading one can run code, so it is never opened."
        raise FileRefused("pickle", found, "Write the rows as JSON Lines from the program that made the pickle.")
    if re.match(rb"[\x00-\xff]{7}\x00\{\"", head):
        raise FileRefused(
            "safetensors",
            "This is a safetensors file: model weights.",
            "Upload data here; models are registered under Models.",
        )


def _refuse_other_encoding(head: bytes) -> None:
    for bom, name in UTF_BOMS:
        if head.startswith(bom):
            raise FileRefused(
                name.lower().replace("-", ""), f"The file is {name} text, not UTF-8.", TRANSCODE.format(name)
            )
    if b"\x00" not in head:
        return
    sample = head[: len(head) // 4 * 4]
    quarters = [sample[place::4].count(0) / max(1, len(sample) // 4) for place in range(4)]
    if min(sorted(quarters)[1:]) > 0.5 and min(quarters) < 0.2:
        raise FileRefused("utf32", "The file is UTF-32 text without a mark, not UTF-8.", TRANSCODE.format("UTF-32LE"))
    odd, even = quarters[1] + quarters[3], quarters[0] + quarters[2]
    if max(odd, even) > 0.8 and min(odd, even) < 0.2:
        name = "UTF-16LE" if odd > even else "UTF-16BE"
        raise FileRefused("utf16", f"The file is {name} text without a mark, not UTF-8.", TRANSCODE.format(name))
    if b"{" not in head or head.count(0) > len(head) // 2:
        raise FileRefused("binary", "The file is binary: it begins with NUL bytes and no JSON.", JSONL_REMEDY)


def _refuse_html(body: bytes) -> None:
    start = body.lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        found = "This is an HTML page; often the sign-in or error page of the site it was fetched from."
        raise FileRefused("html", found, "Download the data file itself and upload that.")
    if start.startswith((b"<?xml", b"<!--", b"<")):
        raise FileRefused("xml", "This is an XML or HTML document.", JSONL_REMEDY)


def _container(body: bytes, whole: bool) -> Container:
    lines = [line for line in body.split(b"\n") if line.strip()]
    first = lines[0].strip() if lines else b""
    if b"\n" not in body and re.search(rb"[}\]]\s*\r+\s*[{\[]", body):
        found = "Its lines end with a carriage return alone (old Mac), so the whole file is one line."
        raise FileRefused("cr_only", found, "Convert the line ends: tr '\\r' '\\n' < FILE > NEW.")
    if first[:1] == b"[":
        # A first line that is a whole array with rows after it is a JSONL file whose first row is wrong.
        return "jsonl" if len(lines) > 1 and _parses(lines[0]) else "json_array"
    if first == b"{" and len(lines) > 1 and lines[1].lstrip()[:1] in (b'"', b"}"):
        raise _pretty_printed(body)
    if any(line.lstrip()[:1] == b"{" for line in lines) or (lines and _parses(lines[0])) or not lines:
        return "jsonl"
    if csv_delimiter(body):
        return "csv"
    found = "No line of its first 64 KB begins a JSON object."
    raise FileRefused("not_json", found, JSONL_REMEDY + " Plain text for continued pre-training: name it .txt.")


def _pretty_printed(body: bytes) -> FileRefused:
    nested = next((name for name in _NESTED.findall(body) if name not in _TURNS), None)
    if nested is not None:
        column = nested.decode("utf-8", "replace")[:40]
        found = f"This is one JSON object whose column {column!r} holds a list of objects: rows nested inside a row."
        remedy = f"Write each object of {column!r} on a line of its own (jq -c '.[\"{column}\"][]' FILE > NEW)."
        return FileRefused("pretty_printed", found, remedy)
    if table := _TABLE.search(body):
        held = "lists of cells" if table[0].endswith(b"[") and b"{" not in table[0] else "a list for each column"
        found = f"This is one JSON object whose column {table[1].decode()!r} holds a whole table: {held}."
        return FileRefused("pretty_printed", found, "Write each row of the table as an object on a line of its own.")
    return FileRefused(
        "pretty_printed",
        "This is JSON spread over many lines: the first line is only an opening brace.",
        "Write each object on one line (jq -c . FILE > NEW), or all of them in one [ … ] array.",
    )


def _parses(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def csv_delimiter(body: bytes) -> str:
    """The delimiter with which most of the first records are as wide as the heading, and one at least; "" when there
    is none."""
    text = body.decode("utf-8", "replace").replace("\x00", " ")
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in islice(csv.reader(StringIO(text), delimiter=delimiter), 20) if row]
        except csv.Error:  # a cell longer than a table has
            continue
        same = sum(width == widths[0] for width in widths) if widths else 0
        if same > 1 and widths[0] > 1 and same * 2 >= len(widths):
            return delimiter
    return ""
