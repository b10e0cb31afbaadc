"""The files that the browser test of the Data pages uploads, with how many defects of each kind were planted."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

from tests.engine.data.planted import Line, base, chat, clean, write
from tests.engine.data.plants import PLANTS, answered_otherwise, edited, shouted

SOUND = 300
# finding code → rows planted. Copies and conflicts are of sound rows, none of them twice.
COPIES = {"exact_duplicate": 6, "normalised_duplicate": 4, "near_duplicate": 5, "conflicting_answers": 3}
ROWS = {
    "pii_email": 4,
    "pii_card": 2,
    "secret": 3,
    "mojibake": 3,
    "zero_width": 4,
    "template_in_content": 3,
    "refusal_boilerplate": 4,
    "html_markup": 2,
    "malformed_json": 3,
    "empty_answer": 2,
}
UNUSABLE = ROWS["malformed_json"] + ROWS["empty_answer"]
# title on the page → rows and surplus rows in its table
FOUND = {
    "Exact duplicates": (12, "6"),
    "Duplicates but for writing": (8, "4"),
    "Near-duplicates": (10, "5"),
    "Same prompt, different answers": (6, "3"),
    "E-mail addresses": (4, "–"),
    "Payment card numbers": (2, "–"),
    "Secrets and keys": (3, "–"),
    "Broken characters": (3, "–"),
    "Invisible characters": (4, "–"),
    "Template marks in the text": (3, "–"),
    "Refusals and boilerplate": (4, "–"),
    "HTML in the text": (2, "–"),
    "Malformed lines": (3, "–"),
    "Empty answers": (2, "–"),
}
MENDED = (
    "Exact duplicates",
    "Duplicates but for writing",
    "E-mail addresses",
    "Payment card numbers",
    "Secrets and keys",
    "Invisible characters",
    "Template marks in the text",
)
ALTERED = {"normalised_duplicate": shouted, "near_duplicate": edited, "conflicting_answers": answered_otherwise}
LEAKED = 7


def rows(seed: int = 11) -> list[Line]:
    """Sound chat rows with a time (column when) and a group (column shop), then the planted ones, in an order of
    chance."""
    chance = random.Random(seed)
    sound = [{**row, **_tags(place)} for place, row in enumerate(clean(SOUND, seed))]
    _, long_ones, short = _free(seed)
    planted: list[Line] = []
    for code, count in COPIES.items():
        for _ in range(count):
            # With a long prompt, a row that is answered otherwise would be a near copy as well.
            free = short if code == "conflicting_answers" else long_ones
            copy = json.loads(json.dumps(sound[free.pop()]))
            planted.append(ALTERED[code](chance, copy) if code in ALTERED else copy)
    for code, count in ROWS.items():
        make = PLANTS[code].make
        assert make is not None
        planted += [
            row | _tags(place) if isinstance(row, dict) else row for place, row in enumerate(make(chance, count))
        ]
    lines: list[Line] = [*sound, *planted]
    chance.shuffle(lines)
    return lines


def dirty(path: Path) -> Path:
    return write(path, rows())


def held_out(path: Path) -> Path:
    """40 rows of a hand-made test file; LEAKED of them are sound rows of the training file."""
    chance = random.Random(5)
    leaked, _, _ = _free(11)
    sound = clean(SOUND, 11)
    return write(path, [*(sound[place] for place in leaked), *(chat(*base(chance)) for _ in range(33))])


def general(path: Path) -> Path:
    """200 sound chat rows that are in no other file."""
    return write(path, list(clean(200, 77)))


def tickets_csv(path: Path) -> Path:
    """120 rows whose column names say nothing; a cell begins like a formula."""
    chance = random.Random(3)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["anliegen", "erwiderung", "abteilung", "eingang"])
        for place in range(120):
            asked, said = base(chance)
            team = ("billing", "shipping", "returns")[place % 3]
            out.writerow(["=1+1 " + asked if place == 4 else asked, said, team, f"2026-03-{place % 28 + 1:02d}"])
    return path


def long_file(path: Path, count: int = 150_000) -> Path:
    """Rows enough that somebody has the time to stop their audit."""
    chance = random.Random(9)
    some = [json.dumps(chat(*base(chance)))[:-1] for _ in range(500)]
    with path.open("w", encoding="utf-8") as file:
        for place in range(count):
            file.write(f'{some[place % 500]}, "id": {place}}}\n')
    return path


def _free(seed: int) -> tuple[list[int], list[int], list[int]]:
    """Places of sound rows that leak, that may be copied, and that may be answered otherwise."""
    words = [len(row["messages"][0]["content"].split()) for row in clean(SOUND, seed)]
    long_ones = [place for place, count in enumerate(words) if 25 < count < 120]
    short = [place for place, count in enumerate(words) if 7 < count < 12]
    random.Random(seed).shuffle(long_ones)
    return long_ones[:LEAKED], long_ones[LEAKED:], short


def _tags(place: int) -> dict[str, Any]:
    return {"when": f"2026-{place % 12 + 1:02d}-{place % 28 + 1:02d}T08:00:00Z", "shop": f"shop-{place % 15}"}
