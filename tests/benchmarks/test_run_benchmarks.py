"""The benches run from the command line and print their ratios; how fast it went is nothing a test may ask."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rows import make
from tests.home import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As people run it: what a bench measures it forks off, which a process with the threads of other tests cannot."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_prints_ratios_and_goals_of_the_audit(tmp_path: Path) -> None:
    done = run("audit", "--rows", "2000", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for what in ("core part", "whole default audit"):
        ratios = rf"\| {what}, [\d,]+ rows/s \| [\d.]+ s = [\d.]+ × orjson; [\d.]+ CPU s = [\d.]+ ×"
        assert re.search(ratios, done.stdout)
    assert "`wc -l`" in done.stdout and "peak memory" in done.stdout and "≤ 30 ×" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_prints_ratios_and_losses_of_training(starter_model: Path, tmp_path: Path) -> None:
    done = run("training", "--rows", "10000", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for who in ("trl at its defaults", "trl, bf16 weights and autocast"):
        assert re.search(rf"{who}[^|]*\| [\d,]+ tokens/s; .*\(d\) is [\d.]+ × as fast in CPU s", done.stdout)
    assert re.search(
        r"difference of a step's loss, \(d\) in fp32 and trl in fp32[^|]* \| \S+ \| ≤ 0.001 \| yes", done.stdout
    )
    assert "LLaMA-Factory | not measured" in done.stdout and "share of the measured matrix peak" in done.stdout


def test_it_names_the_benches_there_are() -> None:
    done = run("nothing")
    assert done.returncode == 2 and "near_duplicates" in done.stderr


def test_the_generated_rows_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, two, other = (make(tmp_path / name, 400, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one.path.read_bytes() == two.path.read_bytes() != other.path.read_bytes()
    assert one.edited == two.edited and one.path.read_bytes().count(b"\n") == 400
