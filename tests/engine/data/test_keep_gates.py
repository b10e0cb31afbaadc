"""What the gates were compiled to is kept in the workbench's folder, and never trusted when it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.gates import Gates

pytest.importorskip("hyperscan")


def _found() -> list[int]:
    gates = Gates({"digits": r"\d{3}", "words": ("cat", "dog")})
    gates.compile()
    return [gates.scan(text) for text in (b"a 123", b"a DOG and 456", b"nothing")]


def test_it_finds_the_same_from_the_kept_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    assert _found() == [1, 3, 0]
    (kept,) = (tmp_path / "cache").iterdir()
    before = kept.stat().st_mtime_ns
    assert _found() == [1, 3, 0]
    assert kept.stat().st_mtime_ns == before
    assert kept.stat().st_mode & 0o077 == 0


def test_it_compiles_again_when_the_kept_file_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    _found()
    (kept,) = (tmp_path / "cache").iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:-9], b"", b"x" * 100, whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]):
        kept.write_bytes(damaged)
        assert _found() == [1, 3, 0]
        assert kept.read_bytes() == whole
