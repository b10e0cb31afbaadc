"""The audit beside orjson on the same file: the core of it, and all of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import orjson

from benchmarks.measuring import Line, Options, measured
from benchmarks.rows import make
from engine.data import index
from engine.data.audit import AuditRequest, audit
from engine.data.checks import Options as CheckOptions
from engine.data.gather import Gatherer
from engine.data.lengths import describe
from engine.data.records import Reader
from engine.data.survey import Survey

TITLE = "Audit of a chat file"
CORE = (
    "structure",
    "role_order",
    "system_not_first",
    "ends_with_user",
    "prompt_equals_answer",
    "mixed_shapes",
    "exact_duplicate",
    "normalised_duplicate",
    "length_outlier",
)
HELD_OUT_ROWS = 1000
GOAL_CORE, GOAL_ALL, GOAL_LINEAR, GOAL_MEMORY = 4.0, 30.0, 11.0, 500.0


def measure(options: Options) -> list[Line]:
    file = make(options.folder, options.rows).path
    tenth = make(options.folder, max(100, options.rows // 10)).path
    test = make(options.folder, HELD_OUT_ROWS, seed=7).path
    out = options.folder / "out"
    os.environ.setdefault("WORKBENCH_HOME", str(options.folder))  # where an installation keeps what it compiled
    compiled = measured(compile_gates)
    counted = measured(partial(subprocess.run, ["wc", "-l", str(file)], stdout=subprocess.DEVNULL, check=True))
    first = measured(partial(parse, file))
    core = measured(partial(survey, file, out, CORE))
    whole = measured(partial(run, AuditRequest(file, model=options.model, test=test), out))
    second = measured(partial(parse, file))
    small = measured(partial(run, AuditRequest(tenth, model=options.model, test=test), out))
    wall, cpu = (first.wall + second.wall) / 2, (first.cpu + second.cpu) / 2
    lines = [
        Line("file", f"{options.rows:,} rows, {file.stat().st_size / 1e6:,.0f} MB"),
        Line("`wc -l`", f"{counted.wall:.2f} s"),
        Line("orjson parsing alone", f"{wall:.2f} s, {cpu:.2f} CPU s (before and after, mean)"),
        Line("patterns compiled or read, once an installation", f"{compiled.cpu:.1f} CPU s (not in what follows)"),
    ]
    for name, one, goal in (("core part", core, GOAL_CORE), ("whole default audit", whole, GOAL_ALL)):
        ratio = one.wall / wall
        spent = f"{one.wall:.1f} s = {ratio:.1f} × orjson; {one.cpu:.1f} CPU s = {one.cpu / cpu:.1f} ×"
        lines.append(Line(f"{name}, {options.rows / one.wall:,.0f} rows/s", spent, f"≤ {goal:.0f} ×", ratio <= goal))
    growth = whole.cpu / small.cpu
    lines.append(Line("CPU s of 10 × the rows", f"{growth:.1f} ×", f"≤ {GOAL_LINEAR:.0f} ×", growth <= GOAL_LINEAR))
    peak = max(core.peak, whole.peak)
    lines.append(Line("peak memory, all processes", f"{peak:.0f} MB", f"< {GOAL_MEMORY:.0f} MB", peak < GOAL_MEMORY))
    return lines


def parse(file: Path) -> None:
    """What the others are measured by: each line parsed, nothing kept; the few broken lines are passed over."""
    with file.open("rb") as lines:
        for line in lines:
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def compile_gates() -> None:
    Gatherer(CheckOptions(), None).gates.compile()


def run(request: AuditRequest, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    audit(request, out)


def survey(file: Path, out: Path, names: Iterable[str]) -> None:
    """The audit with some of its checks: rows read strictly, index and columns written."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    connection = index.create(out / "index.sqlite")
    found = Survey(Reader(file), connection, out, None, None, 2048, names=names)
    found.run(lambda: None)
    describe(found.columns["characters"].values(), "characters")
    index.finish(connection)
    connection.close()
