"""A ZIP of files, made while it is sent: nothing of it is held in memory or written to the disk."""

from __future__ import annotations

import asyncio
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

Entry = tuple[str, Path | bytes]
BLOCK = 1 << 20


class _Sink:
    """What ``zipfile`` writes into: it cannot seek, and gives up what it was given."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def blocks(entries: Sequence[Entry]) -> Iterator[bytes]:
    """The archive in blocks of about a megabyte. Weights do not compress, so files are stored as they are."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name, source in entries:
            about = zipfile.ZipInfo(name, _when(source))
            about.external_attr = 0o644 << 16
            with archive.open(about, "w", force_zip64=True) as entry:
                for block in _read(source):
                    entry.write(block)
                    yield sink.take()
    yield sink.take()


def respond(entries: Sequence[Entry], filename: str) -> StreamingHttpResponse:
    """The archive as a download; it is made in a thread, so that other pages go on meanwhile."""
    response = StreamingHttpResponse(_sent(blocks(entries)), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response


async def _sent(made: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (block := await asyncio.to_thread(next, made, None)) is not None:
        if block:
            yield block


def _read(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _when(source: Path | bytes) -> tuple[int, int, int, int, int, int]:
    """ZIP knows no time before 1980."""
    at = time.localtime(time.time() if isinstance(source, bytes) else source.stat().st_mtime)
    return max(at.tm_year, 1980), at.tm_mon, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec
