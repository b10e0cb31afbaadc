"""Near-duplicates beside datasketch, on rows both compare: MinHash of word 2-grams, candidates verified by 3-grams."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import defaultdict
from functools import partial
from pathlib import Path

import orjson

from benchmarks.audit import survey
from benchmarks.measuring import Line, Options, measured
from benchmarks.rows import Made, make
from engine.data.checks.near_duplicate import BAND, BANDS, THRESHOLD

TITLE = "Near-duplicates"
MOST_ROWS = 20_000
GOAL_SPEED, GOAL_RECALL, GOAL_PRECISION = 10.0, 0.99, 0.999
Pair = tuple[int, int]


def measure(options: Options) -> list[Line]:
    made = make(options.folder, min(options.rows, MOST_ROWS))
    out, theirs_file = options.folder / "near", options.folder / "pairs.json"
    without = measured(partial(survey, made.path, out, ("structure",)))
    ours = measured(partial(survey, made.path, out, ("structure", "near_duplicate")))
    theirs = measured(partial(_datasketch, made.path, theirs_file))
    reading = measured(partial(_texts, made.path))
    mine, other = max(1e-3, ours.cpu - without.cpu), max(1e-3, theirs.cpu - reading.cpu)
    groups, sets = _groups(out), {line: _runs(text, 3) for line, text in _texts(made.path).items()}
    recall = _recall(made, [set(group) for group in groups])
    right = [any(_jaccard(sets[a], sets[b]) >= THRESHOLD for b in group if b != a) for group in groups for a in group]
    precision = sum(right) / max(1, len(right))
    found = {tuple(pair) for pair in orjson.loads(theirs_file.read_bytes())}
    shutil.rmtree(out, ignore_errors=True)
    speed = other / mine
    return [
        Line(
            "rows compared", f"{made.rows:,}, {len(made.edited):,} with copies of which 1–10 % of the words are edited"
        ),
        Line(
            "datasketch", f"{made.rows / other:,.0f} rows a CPU s, recall {_recall(made, [set(p) for p in found]):.3f}"
        ),
        Line(
            "near_duplicate",
            f"{made.rows / mine:,.0f} rows a CPU s = {speed:.1f} × datasketch",
            f"≥ {GOAL_SPEED:.0f} ×",
            speed >= GOAL_SPEED,
        ),
        Line("its recall", f"{recall:.4f}", f"≥ {GOAL_RECALL}", recall >= GOAL_RECALL),
        Line("its precision", f"{precision:.4f}", f"≥ {GOAL_PRECISION}", precision >= GOAL_PRECISION),
    ]


def _recall(made: Made, groups: list[set[int]]) -> float:
    of: dict[int, set[int]] = defaultdict(set)
    for place, group in enumerate(groups):
        for line in group:
            of[line].add(place)
    return sum(bool(of[one] & of[two]) for one, two in made.edited) / max(1, len(made.edited))


def _groups(out: Path) -> list[list[int]]:
    connection = sqlite3.connect(out / "index.sqlite")
    groups: dict[int, list[int]] = defaultdict(list)
    for group, number in connection.execute("select group_id, number from finding_row where code = 'near_duplicate'"):
        groups[group].append(number)
    connection.close()
    return list(groups.values())


def _texts(file: Path) -> dict[int, str]:
    texts = {}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                turns = orjson.loads(line)["messages"]
            except orjson.JSONDecodeError:
                continue
            texts[number] = " ".join(turn["content"] for turn in turns if turn["role"] != "system")
    return texts


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return set(zip(*(words[start:] for start in range(length)), strict=False))


def _jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / max(1, len(one | other))


def _datasketch(file: Path, out: Path) -> None:
    """Its own MinHash and LSH with as many bands of as many minima, its candidates verified like ours."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(num_perm=BANDS * BAND, params=(BANDS, BAND))
    sets: dict[int, set[tuple[str, ...]]] = {}
    pairs: list[Pair] = []
    for number, text in _texts(file).items():
        sets[number] = _runs(text, 3)
        minhash = MinHash(num_perm=BANDS * BAND)
        minhash.update_batch([" ".join(run).encode() for run in _runs(text, 2)])
        pairs += [(each, number) for each in lsh.query(minhash) if _jaccard(sets[each], sets[number]) >= THRESHOLD]
        lsh.insert(number, minhash)
    out.write_bytes(orjson.dumps(pairs))
