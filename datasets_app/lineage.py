"""A version's history: the operations that made it in words, and the tree of versions."""

from __future__ import annotations

from typing import Any

from datasets_app import reports
from datasets_app.models import DatasetVersion

# What an operation has done to rows that it left in (changed) or took away (dropped).
CHANGED = {
    "redact": "personal data redacted",
    "normalise": "characters normalised",
    "fix_roles": "roles fixed",
    "shorten": "long rows shortened",
    "edit": "edited by hand",
    "map": "columns mapped",
    "mix": "marked with their source",
}
DROPPED = {
    "chosen": "chosen by hand",
    "resolve": "conflicting answers resolved",
    "balance": "classes balanced",
    "mix": "share of the mix",
    "shorten": "too long",
    "fix_roles": "nothing left after fixing roles",
    "edit": "taken away by hand",
}
ADDED = {
    "shorten": "parts of split rows",
    "balance": "copies of rare classes",
    "synthetic": "accepted drafts",
    "map": "made by the mapping",
}


def how_made(version: DatasetVersion) -> str:
    """The operation that made a version, in words."""
    operation = version.operation
    if operation.get("op") == "sample":
        return "Came with the sample"
    if operation.get("op") == "answers":
        rows, who = operation.get("added", {}).get("synthetic", 0), ", ".join(operation.get("accepted_by", []))
        teacher = operation.get("teacher", {}).get("name", "a teacher")
        return f"{rows:,} synthetic rows: {teacher} answered prompts of {operation.get('of')}, accepted by {who}"
    if operation.get("op") == "preferences":
        rows, who = sum(operation.get("added", {}).values()), ", ".join(operation.get("reviewers", []))
        return f"{rows:,} preference rows of the blind review of {operation.get('of')}, decided by {who}"
    if operation.get("op") != "repair" or version.parent is None:
        return f"Uploaded as {operation.get('name', version.filename)}" + _unpacked(operation)
    told = [
        _counted(operation.get("dropped", {}), "removed from", version.parent, {**reports.titles(), **DROPPED}),
        _counted(operation.get("changed", {}), "changed in", version.parent, CHANGED),
        _counted(operation.get("added", {}), "added to", version.parent, ADDED),
    ]
    said = "; ".join(part for part in told if part)
    return said or f"Nothing changed in v{version.parent.number}" + _asked(operation)


def _counted(counts: dict[str, int], verb: str, parent: DatasetVersion, words: dict[str, str]) -> str:
    """``4 rows removed from v1: exact duplicates 3, empty answer 1``; nothing where nothing is counted."""
    known = sorted(((name, count) for name, count in counts.items() if count), key=lambda item: (-item[1], item[0]))
    if not known:
        return ""
    total = sum(count for _, count in known)
    parts = []
    for name, count in known:
        word = words.get(name, "")
        # What is not a word of ours is the name of a source, which is written as people write it.
        parts.append(f"{word[:1].lower()}{word[1:60] or name[:60]} {count:,}")
    return f"{total:,} {'row' if total == 1 else 'rows'} {verb} v{parent.number}: {', '.join(parts)}"


def _asked(operation: dict[str, Any]) -> str:
    ops = list(dict.fromkeys(CHANGED.get(one.get("op", ""), one.get("op", "")) for one in operation["operations"]))
    return f" ({', '.join(ops)})" if ops else ""


def _unpacked(operation: dict[str, Any]) -> str:
    """How a packed file became rows."""
    via = operation.get("via")
    if not via:
        return ""
    words = " and ".join({"gzip": "gzip", "csv": "CSV", "parquet": "Parquet"}.get(name, name) for name in via)
    uneven = operation.get("uneven", 0)
    odd = f"; {uneven:,} with other columns than the heading" if uneven else ""
    rows = operation.get("rows")
    return f" ({words}), {rows:,} rows stored as JSON Lines{odd}" if rows else f" ({words}), stored unpacked"


def line_words(version: DatasetVersion) -> str:
    """What the number of a line is in the table that was uploaded; "" where the lines are those of the file."""
    operation = version.operation
    if not {"csv", "parquet"} & set(operation.get("via", [])):
        return ""
    name, heading = operation.get("name", version.filename), operation.get("heading_lines")
    if heading is not None:
        return f"Line 1 here is line {heading + 1:,} of {name}, line 2 is line {heading + 2:,}, and so on."
    spans = ", whose cells span several lines" if "csv" in operation["via"] else ""
    return f"Line 12 here is row 12 of the table in {name}{spans}; a heading is not counted."


def in_lineage(versions: list[DatasetVersion]) -> list[tuple[int, DatasetVersion]]:
    """Each version after its parent, with its depth: a tree read from top to bottom."""
    children: dict[int | None, list[DatasetVersion]] = {}
    for version in sorted(versions, key=lambda version: version.number):
        children.setdefault(version.parent_id, []).append(version)
    known = {version.pk for version in versions}
    ordered: list[tuple[int, DatasetVersion]] = []
    waiting = [(0, v) for parent, group in children.items() if parent not in known for v in group][::-1]
    while waiting:
        depth, version = waiting.pop()
        ordered.append((depth, version))
        waiting.extend((depth + 1, child) for child in reversed(children.get(version.pk, [])))
    return ordered


def graph(version: DatasetVersion) -> list[dict[str, Any]]:
    """The lines of the lineage list of a version's dataset: each names its parent and the operation in words."""
    dataset = version.dataset
    versions = list(dataset.versions.select_related("parent", "created_by"))
    current = dataset.current_id or max(versions, key=lambda one: one.number).pk
    return [
        {
            "depth": depth,
            "version": one,
            "words": how_made(one),
            "is_this": one.pk == version.pk,
            "is_current": one.pk == current,
        }
        for depth, one in in_lineage(versions)
    ]
