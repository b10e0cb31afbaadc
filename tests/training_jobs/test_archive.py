"""A ZIP that is made while it is sent."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

from training_jobs import archives


def test_it_holds_no_file_in_memory(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    with weights.open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    sent = largest = 0
    for block in archives.blocks([("model.safetensors", weights), ("README.md", b"# A card")]):
        sent, largest = sent + len(block), max(largest, len(block))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent > 64 << 20 and largest < 2 << 20
    assert peak < 8 << 20


def test_it_is_whole_and_its_names_and_bytes_are_right(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"one" * 1_000_000)
    made = b"".join(archives.blocks([("a.bin", tmp_path / "a.bin"), ("rows/ü.ids", "é".encode())]))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.bin", "rows/ü.ids"]
        assert archive.read("a.bin") == b"one" * 1_000_000 and archive.read("rows/ü.ids").decode() == "é"
