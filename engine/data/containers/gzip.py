"""A gzip archive of one file. Its size unpacked is bounded before anything else is done with it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from engine.data.containers.sink import Sink
from engine.data.errors import FileRefused

TITLE = "gzip"
BLOCK_BYTES = 1 << 20
# Text of rows shrinks 3 to 30 times, and 100 times when it repeats itself; zeros shrink 1,000 times.
MOST_RATIO, FREE_BYTES = 200, 256 << 20


def unpack(source: Path, sink: Sink) -> None:
    """Streams the content into ``sink``. Raises FileRefused for a damaged archive and for a gzip bomb."""
    packed = source.stat().st_size
    try:
        with source.open("rb") as raw, gzip.open(raw, "rb") as file:
            while block := file.read(BLOCK_BYTES):
                sink.write(block)
                sink.at(raw.tell(), packed)
                if sink.bytes > FREE_BYTES and sink.bytes > packed * MOST_RATIO:
                    found = f"{packed:,} bytes of gzip unpack to more than {sink.bytes:,}: no rows shrink so far."
                    raise FileRefused("gzip_bomb", found, "Unpack it where it was made and look at what is inside.")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        found = f"The gzip archive is damaged or cut off after {sink.bytes:,} unpacked bytes ({error})."
        raise FileRefused("gzip", found, "Fetch or make the archive again (gzip -t FILE tests it).") from None
