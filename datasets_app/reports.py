"""An audit's document as its page shows it, and a version's history in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from datasets_app.models import Audit, Split
from engine.data import checks, exports
from engine.data.checks.structure import UNUSABLE_CODES
from engine.data.mask import mask_text

# The engine's severities in the words of the design system's badges.
BADGES = {"blocker": "blocking", "repair": "warning", "notice": "note"}
GRADES = {"ready": "ready", "usable with repairs": "usable", "not usable yet": "unusable"}
TONES = {"ready": "better", "not usable yet": "worse"}
DUPLICATE = "exact_duplicate"


@dataclass(frozen=True)
class Removal:
    """What the one button takes out: rows that cannot be used and surplus copies. ``stay`` rows are left."""

    unusable: int
    surplus: int
    stay: int
    operations: list[dict[str, Any]]

    @property
    def go(self) -> int:
        return self.unusable + self.surplus

    @property
    def makes_sense(self) -> bool:
        return self.go > 0 and self.stay > 0


def removal(document: dict[str, Any]) -> Removal:
    """Copies are counted among usable rows only, so the two never count a row twice."""
    rows = document["rows"]
    surplus = sum(int(f.get("surplus") or 0) for f in document["findings"] if f["code"] == DUPLICATE)
    operations: list[dict[str, Any]] = [
        {"op": "drop", "codes": list(UNUSABLE_CODES)},
        {"op": "dedupe", "keep": "first"},
    ]
    return Removal(rows["unusable"], surplus, rows["usable"] - surplus, operations)


def operations_for(document: dict[str, Any], code: str) -> list[dict[str, Any]] | None:
    """What removes the rows of one finding; None for one that no operation of ours mends."""
    finding = next((f for f in document["findings"] if f["code"] == code), None)
    if finding is None or finding.get("repair") not in ("drop", "dedupe"):
        return None
    if finding["repair"] == "dedupe" and code == DUPLICATE:
        return [{"op": "dedupe", "keep": "first"}]
    return [{"op": "drop", "codes": [code]}] if finding["repair"] == "drop" else None


def findings(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The gravest first, as the engine orders them, with the badge of each and whether we can take its rows out."""
    return [{**finding, "badge": BADGES.get(finding["severity"], "note")} for finding in document.get("findings", [])]


@cache
def titles() -> dict[str, str]:
    """Finding code → title, for every check there is."""
    return {about.code: about.title for check in checks.checks() for about in check.ABOUT}


@cache
def export_forms() -> list[dict[str, str]]:
    """The forms in which rows go out."""
    known = [(name, exports.load(name)) for name in exports.FORMS]
    return [{"name": name, "title": form.TITLE, "about": form.ABOUT} for name, form in known]


def state_of(audit: Audit | None, document: dict[str, Any] | None = None) -> tuple[str, str]:
    """The badge of a version and the word beside it: its grade, or how its audit stands. ``document`` is the audit's
    as decisions leave it."""
    if audit is None:
        return "draft", "not audited"
    if audit.refused:
        return "unusable", ""
    if audit.document:
        return GRADES.get((document or audit.document)["readiness"]["grade"], "draft"), ""
    return audit.run.status, "audit"


def split_words(split: Split) -> str:
    """The shares, the seed and, when it was not the plain way, by what it was split."""
    parts = " / ".join(f"{split.fractions.get(part, 0):.0%}".rstrip("%") for part in ("train", "validation", "test"))
    ways = {"random": ", at random", "time": ", by time", "group": ", by group", "file": ", test file of its own"}
    way = ways.get(split.options.get("strategy", ""), "")
    column = split.options.get("column", "")
    by = f"{way or ', stratified by'} {mask_text(column)[:60]}" if column else way
    return f"{parts}{by}, seed {split.seed}"
