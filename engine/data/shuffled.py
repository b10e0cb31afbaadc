"""The lines of a file in a seeded random order, in bounded memory: dealt into buckets, each shuffled in turn."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from engine.data.writer import RowWriter

BUCKET_BYTES = 32 << 20
MOST_BUCKETS = 200


def shuffle(source: Path, out: Path, seed: int) -> RowWriter:
    """Moves the lines of ``source`` to ``out``; returns its writer (rows, bytes, sha256). Same lines and seed, same
    order."""
    random = np.random.default_rng(seed)
    count = min(MOST_BUCKETS, source.stat().st_size // BUCKET_BYTES + 1)
    folder = Path(tempfile.mkdtemp(prefix="shuffle-", dir=out.parent))
    try:
        with ExitStack() as stack:
            buckets = [stack.enter_context((folder / str(place)).open("wb")) for place in range(count)]
            with source.open("rb") as file:
                for line in file:
                    buckets[int(random.integers(count)) if count > 1 else 0].write(line)
        with RowWriter(out) as writer:
            for place in range(count):
                with (folder / str(place)).open("rb") as file:
                    lines = file.readlines()  # only a line feed ends a line
                for at in random.permutation(len(lines)):
                    writer.line(lines[at])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        source.unlink(missing_ok=True)
    return writer
