"""``python -m benchmarks [NAME ...] [--rows N] [--folder DIR] [--append]``: measures, and prints Markdown tables."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks import BENCHES
from benchmarks.measuring import Line, Options

ROOT = Path(__file__).resolve().parent.parent
STARTER = ROOT / "var" / "models" / "smollm2-135m-instruct"
ROWS = 860_000  # about 1 GB


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHES)} (all if not given)")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the generated file (860,000: about 1 GB)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "workbench-bench")
    parser.add_argument("--append", action="store_true", help="also add the tables to docs/benchmarks.md")
    given = parser.parse_args(argv)
    unknown = [name for name in given.names if name not in BENCHES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(BENCHES)}")
    options = Options(given.rows, given.folder, STARTER if (STARTER / "tokenizer.json").exists() else None)
    for name in given.names or BENCHES:
        bench = import_module(BENCHES[name])
        text = table(bench.TITLE, bench.measure(options))
        print(text, flush=True)
        if given.append:
            with (ROOT / "docs" / "benchmarks.md").open("a", encoding="utf-8") as file:
                file.write(f"\n{text}")
    return 0


def table(title: str, lines: list[Line]) -> str:
    """Markdown. The load says how far wall times can be believed."""
    cores, load = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        os.getloadavg()[0],
    )
    head = f"### {title} ({datetime.now(UTC):%Y-%m-%d}, {cores} cores, load {load:.1f} at the end)\n"
    rows = [
        f"| {line.what} | {line.measured} | {line.goal} | {'' if line.met is None else 'yes' if line.met else 'no'} |"
        for line in lines
    ]
    return "\n".join([head.rstrip(), "| what | measured | goal | met |", "|---|---|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
