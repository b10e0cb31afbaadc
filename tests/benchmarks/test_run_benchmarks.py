"""The benches run from the command line and print their ratios; how fast it went is nothing a test may ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.rows import make


def test_it_prints_ratios_and_goals_of_the_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--rows", "2000", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for what in ("core part", "whole default audit"):
        assert re.search(rf"\| {what}, [\d,]+ rows/s \| [\d.]+ s = [\d.]+ × orjson; [\d.]+ CPU s = [\d.]+ ×", printed)
    assert "`wc -l`" in printed and "peak memory" in printed and "≤ 30 ×" in printed


def test_it_names_the_benches_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "near_duplicates" in capsys.readouterr().err


def test_the_generated_rows_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, two, other = (make(tmp_path / name, 400, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one.path.read_bytes() == two.path.read_bytes() != other.path.read_bytes()
    assert one.edited == two.edited and one.path.read_bytes().count(b"\n") == 400
