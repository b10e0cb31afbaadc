"""Findings that people accepted or dismissed, and what is left to do without the dismissed ones."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.contrib.auth.models import User

from datasets_app import reports
from datasets_app.models import Audit, DatasetVersion
from datasets_app.review_models import Decision, FindingDecision
from engine.data.identities import left_of, numbers_without
from engine.data.index import open_index
from engine.data.readiness import grade

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
    anew without them. ``dismissed`` lists what was left out, ``decided`` whom to ask."""
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
    readiness = grade(document["rows"]["usable"], kept)
    return {**document, "findings": kept, "dismissed": dismissed, "readiness": readiness}


def state_of(version: DatasetVersion, audit: Audit | None) -> tuple[str, str]:
    """The badge of a version, dismissed findings left out."""
    return reports.state_of(audit, judged(version, audit) if audit and audit.document and not audit.refused else None)


def with_decision(findings: list[dict[str, Any]], code: str, version: DatasetVersion) -> dict[str, Any] | None:
    """The finding of this code as the audit has it, with the decision on it."""
    finding = next((one for one in findings if one["code"] == code), None)
    return {**finding, "decision": decided(version).get((code, ""))} if finding else None


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


def sparing(version: DatasetVersion, audit: Audit, operation: dict[str, Any]) -> dict[str, Any]:
    """A ``drop`` by findings without the rows in which they were dismissed: those findings go in by row numbers."""
    codes = operation.get("codes")
    if operation["op"] != "drop" or not codes:
        return operation
    chosen = decided(version)
    fine = {code: rows for code in codes if (rows := fine_rows(chosen, code))}
    if not fine:
        return operation
    numbers = set(operation.get("numbers") or [])
    with closing(open_index(audit.folder / "index.sqlite")) as connection:
        for code, rows in fine.items():
            numbers.update(numbers_without(connection, code, rows))
    return {"op": "drop", "codes": [code for code in codes if code not in fine], "numbers": sorted(numbers)}
