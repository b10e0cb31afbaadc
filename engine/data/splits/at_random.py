"""By chance alone: the order of the rows' seeded keys."""

from __future__ import annotations

from typing import Any, Literal

from engine.data.splits import Places
from engine.data.splits.rows import Ask, Rows, deal

TITLE = "Random"
ABOUT = "Chance decides, by the seed and the row itself."
COLUMN: Literal["needed", "optional", "none"] = "none"
FILE = False


def place(rows: Rows, ask: Ask) -> tuple[Places, dict[str, Any]]:
    return deal(rows, ask.sizes), {}
