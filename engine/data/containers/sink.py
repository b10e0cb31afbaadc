"""Where unpacked bytes go: counted, hashed, and refused beyond a bound."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable
from typing import Any, BinaryIO

import orjson

from engine.data.errors import FileRefused

MOST_BYTES = 64 << 30
# Told how many bytes of how many were read of the source, and the rows written; it may raise to end the work.
Watch = Callable[[int, int, int], None]


class Sink:
    """Writes to ``file``. ``lines`` has, for tables, the physical line of the source on which each row begins;
    ``uneven`` counts records that have other columns than the heading. Raises FileRefused beyond ``most`` bytes."""

    def __init__(self, file: BinaryIO, most: int = MOST_BYTES, watch: Watch | None = None) -> None:
        self._file = file
        self._most = most
        self._watch = watch
        self._digest = hashlib.sha256()
        self.bytes = self.rows = self.uneven = 0
        self.bom = False
        self.lines = array("Q")

    def write(self, block: bytes) -> None:
        self.bytes += len(block)
        if self.bytes > self._most:
            found = f"Unpacked, the file is larger than {self._most / 1e9:,.1f} GB, which is all there is room for."
            raise FileRefused("too_large", found, "Upload it in several parts.")
        self._digest.update(block)
        self._file.write(block)

    def write_row(self, row: Any, line: int = 0) -> None:
        """One JSON line. Raises TypeError for what JSON has no form for."""
        try:
            raw = orjson.dumps(row, default=_plain)
        except orjson.JSONEncodeError as error:
            raw = _with_bad_bytes(row, error)
        if line:
            self.lines.append(line)
        self.rows += 1
        self.write(raw + b"\n")

    def at(self, read: int, total: int) -> None:
        """Says how far the source is read; containers call it each thousand rows or each MB."""
        if self._watch is not None:
            self._watch(read, total, self.rows)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _plain(value: Any) -> str:
    """Decimals, durations and the like, as text."""
    return str(value)


def _with_bad_bytes(row: Any, error: Exception) -> bytes:
    """Bytes that are not UTF-8 (kept as surrogates) are written back as they were: the reader then names them."""
    import json

    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")
    except (UnicodeEncodeError, TypeError, ValueError):
        raise FileRefused(
            "not_json", f"A value has no form in JSON: {str(error)[:80]}.", "Write the column as text."
        ) from None
