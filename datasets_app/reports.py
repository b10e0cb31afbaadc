"""An audit's document as its page shows it, and a version's history in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from datasets_app.models import Audit, Split
from engine.data import checks, exports
from engine.data.checks.structure import UNUSABLE_CODES
from engine.data.mask import mask_text
from engine.data.repairs import load, settings_of
from engine.data.repairs.fields import EXCEPT

# The engine's severities in the words of the design system's badges.
BADGES = {"blocker": "blocking", "repair": "warning", "notice": "note"}
GRADES = {"ready": "ready", "usable with repairs": "usable", "not usable yet": "unusable"}
TONES = {"ready": "better", "not usable yet": "worse"}
DUPLICATE = "exact_duplicate"
# Findings about the file as a whole have no rows: code → the part of the audit page that shows them, the place there,
# and what their count is of.
PLACES = {
    "low_diversity": ("coverage", "diversity-title", "prompts"),
    "missing_edge_cases": ("coverage", "edge-title", "kinds"),
    "missing_from_production": ("coverage", "map-title", "real prompts"),
    "too_few_rows": ("coverage", "size-title", ""),
}


@dataclass(frozen=True)
class Removal:
    """What the one button takes out: rows that cannot be used and surplus copies. ``stay`` rows are left."""

    unusable: int
    surplus: int
    stay: int
    operations: list[dict[str, Any]]
    left_alone: int = 0

    @property
    def go(self) -> int:
        return self.unusable + self.surplus

    @property
    def makes_sense(self) -> bool:
        return self.go > 0 and self.stay > 0


def removal(document: dict[str, Any]) -> Removal:
    """Copies are counted among usable rows only, so the two never count a row twice. What was dismissed stays."""
    rows = document["rows"]
    dismissed = {f["code"]: int(f["count"]) for f in document.get("dismissed", [])}
    surplus = sum(int(f.get("surplus") or 0) for f in document["findings"] if f["code"] == DUPLICATE)
    codes = [code for code in UNUSABLE_CODES if code not in dismissed]
    operations: list[dict[str, Any]] = [{"op": "drop", "codes": codes}]
    if DUPLICATE not in dismissed:
        operations.append({"op": "dedupe", "keep": "first"})
    operations = sparing(operations, document)
    fine = sum(len(document.get("fine", {}).get(code, ())) for code in codes)
    unusable = max(0, rows["unusable"] - fine - sum(dismissed.get(code, 0) for code in UNUSABLE_CODES))
    stay = rows["usable"] + rows["unusable"] - unusable - surplus
    return Removal(unusable, surplus, stay, operations, left_alone(operations))


def sparing(operations: list[dict[str, Any]], document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations with the rows that each is to leave alone, where somebody said that a finding is fine in them;
    ``document`` as decisions leave it."""
    fine = document.get("fine", {})
    made = []
    for operation in operations:
        codes = mends(operation)
        spared = {code: fine[code] for code in codes if code in fine}
        made.append({**operation, "except": spared} if spared else operation)
    return made


def mends(operation: dict[str, Any]) -> tuple[str, ...]:
    """The findings that this operation mends and leaves alone in rows where they are fine; few operations cannot."""
    repair = load(operation["op"])
    found: tuple[str, ...] = repair.codes(settings_of(operation)) if EXCEPT in repair.FIELDS else ()
    return found


def left_alone(operations: list[dict[str, Any]]) -> int:
    """How many rows are left alone, for one finding or for several."""
    return len({row for one in operations for rows in one.get("except", {}).values() for row in rows})


def operations_for(document: dict[str, Any], code: str) -> list[dict[str, Any]] | None:
    """What removes the rows of one finding; None for one that no operation of ours mends."""
    finding = next((f for f in document["findings"] if f["code"] == code), None)
    if finding is None or finding.get("repair") not in ("drop", "dedupe"):
        return None
    if finding["repair"] == "dedupe" and code == DUPLICATE:
        return [{"op": "dedupe", "keep": "first"}]
    return [{"op": "drop", "codes": [code]}] if finding["repair"] == "drop" else None


def findings(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The gravest first, as the engine orders them, with the badge of each and what its count is of, if not of rows."""
    return [
        {
            **finding,
            "badge": BADGES.get(finding["severity"], "note"),
            "unit": PLACES[finding["code"]][2] if finding["code"] in PLACES else "",
        }
        for finding in document.get("findings", [])
    ]


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
    by = f"{way or ', stratified by'} “{mask_text(column)[:60]}”" if column else way
    return f"{parts}{by}, seed {split.seed}"
