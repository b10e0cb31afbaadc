"""Findings that people accepted or dismissed, and what is left to do without the dismissed ones."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.contrib.auth.models import User

from datasets_app import reports
from datasets_app.models import Audit, DatasetVersion
from datasets_app.review_models import Decision, FindingDecision
from engine.data.identities import left_of, numbers_in
from engine.data.index import open_index
from engine.data.readiness import grade
from engine.data.valuable import touched_by

# A finding whose rows were dismissed one by one: the index is asked how many are left.
Chosen = dict[tuple[str, str], FindingDecision]


def decide(version: DatasetVersion, code: str, decision: str, note: str, user: User, row_id: str = "") -> None:
    """Takes a decision, or takes it anew; an empty ``decision`` takes it back."""
    if decision:
        FindingDecision.objects.update_or_create(
            version=version, code=code, row_id=row_id, defaults={"decision": decision, "note": note, "by": user}
        )
        return
    FindingDecision.objects.filter(version__in=line_of(version), code=code, row_id=row_id).delete()


def line_of(version: DatasetVersion) -> list[DatasetVersion]:
    """The version and all it descends from, the nearest first."""
    every = {one.pk: one for one in version.dataset.versions.all()}
    line, at = [version], version.parent_id
    while at in every:
        line.append(every[at])
        at = every[at].parent_id
    return line


def decided(version: DatasetVersion) -> Chosen:
    """(code, row identity or "") → the decision that holds here: the nearest in the line of descent."""
    line = {one.pk: place for place, one in enumerate(line_of(version))}
    known = FindingDecision.objects.filter(version__in=line).select_related("by", "version")
    chosen: Chosen = {}
    for one in sorted(known, key=lambda decision: line[decision.version_id]):
        chosen.setdefault((one.code, one.row_id), one)
    return chosen


def judged(version: DatasetVersion, audit: Audit) -> dict[str, Any]:
    """The audit's document as decisions leave it: dismissed findings and rows do not count, and the readiness is said
    anew without them. ``dismissed`` lists what was left out, with the decision; ``fine`` has, by finding, the numbers
    of the rows that repairs leave alone."""
    document: dict[str, Any] = dict(audit.document or {})
    chosen = decided(version)
    if not chosen or "findings" not in document:
        return document
    kept, dismissed = [], []
    for finding in document["findings"]:
        left, decision = _left(finding, chosen, audit)
        if left is None:
            dismissed.append({**finding, "decision": decision})
        else:
            kept.append({**left, "decision": decision})
    fine = fine_numbers(audit, chosen)
    readiness = _graded(document, kept, fine, audit)
    return {**document, "findings": kept, "dismissed": dismissed, "fine": fine, "readiness": readiness}


def state_of(version: DatasetVersion, audit: Audit | None) -> tuple[str, str]:
    """The badge of a version, dismissed findings left out."""
    return reports.state_of(audit, judged(version, audit) if audit and audit.document and not audit.refused else None)


def with_decision(
    findings: list[dict[str, Any]], code: str, version: DatasetVersion, audit: Audit
) -> dict[str, Any] | None:
    """The finding of this code with the decision on it, counted without the rows in which it is fine; where that leaves
    nothing, as the audit has it."""
    finding = next((one for one in findings if one["code"] == code), None)
    if finding is None:
        return None
    chosen = decided(version)
    return {**(_left(finding, chosen, audit)[0] or finding), "decision": chosen.get((code, ""))}


def fine_rows(chosen: Chosen, code: str) -> set[str]:
    """Identities of the rows in which the finding was dismissed."""
    return {row for (name, row), one in chosen.items() if name == code and row and one.decision == Decision.DISMISSED}


def _left(
    finding: dict[str, Any], chosen: Chosen, audit: Audit
) -> tuple[dict[str, Any] | None, FindingDecision | None]:
    """The finding as it counts still, and the decision on it; None when nothing of it is left."""
    code = finding["code"]
    whole = chosen.get((code, ""))
    if whole is not None and whole.decision == Decision.DISMISSED:
        return None, whole
    fine = fine_rows(chosen, code)
    index = audit.folder / "index.sqlite"
    if not fine or not index.is_file():
        return finding, whole
    with closing(open_index(index)) as connection:
        rows, surplus = left_of(connection, code, fine)
    gone = finding["count"] - rows
    if not rows:
        return None, next(one for (name, row), one in chosen.items() if name == code and row in fine)
    fewer = {**finding, "count": rows, "rows_dismissed": gone}
    if finding.get("surplus") is not None:
        fewer["surplus"] = surplus
        if not surplus:  # what is left of each group stands alone now
            return None, next(one for (name, row), one in chosen.items() if name == code and row in fine)
    return fewer, whole


def fine_numbers(audit: Audit, chosen: Chosen) -> dict[str, list[int]]:
    """Finding code → numbers of the rows of it that somebody said are fine."""
    codes = sorted({code for code, row_id in chosen if row_id})
    index = audit.folder / "index.sqlite"
    if not codes or not index.is_file():
        return {}
    with closing(open_index(index)) as connection:
        found = {code: numbers_in(connection, code, fine_rows(chosen, code)) for code in codes}
    return {code: numbers for code, numbers in found.items() if numbers}


def _graded(
    document: dict[str, Any], kept: list[dict[str, Any]], fine: dict[str, list[int]], audit: Audit
) -> dict[str, Any]:
    """The readiness said anew, each row counted once. The index is asked only where findings that are mended together
    count otherwise than in the audit: it may have millions of rows."""
    usable, index = document["rows"]["usable"], audit.folder / "index.sqlite"
    if not index.is_file():
        return grade(usable, kept)
    counts = {one["code"]: one.get("surplus", one["count"]) for one in kept}
    written = document["readiness"].get("top_repairs", [])
    known = {tuple(one["codes"]): one["rows"] for one in written if not fine.keys() & set(one["codes"])}
    with closing(open_index(index)) as connection:
        asked = touched_by(connection, fine)

        def touched(operation: dict[str, Any], codes: list[str]) -> int:
            if len(codes) == 1:
                return int(counts[codes[0]])
            return int(known[tuple(codes)]) if tuple(codes) in known else asked(operation, codes)

        return grade(usable, kept, touched)
