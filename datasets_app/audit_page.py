"""What the audit page shows in each of its parts, from the document alone: it never reads the file or the index."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from datasets_app import reports
from engine.data.valuable import MENDS

TABS = (
    ("overview", "Overview"),
    ("findings", "Findings"),
    ("coverage", "Coverage"),
    ("lengths", "Lengths and classes"),
    ("file", "File and audits"),
)
SEVERITIES = ("blocking", "warning", "note")
FIRST = 16


def tab_of(query: QueryDict) -> str:
    tab = query.get("tab", "")
    return tab if tab in dict(TABS) else TABS[0][0]


def context(document: dict[str, Any], query: QueryDict) -> dict[str, Any]:
    """What the templates of the parts need beside the document."""
    known = reports.findings(document)
    return {
        "tabs": TABS,
        "tab": tab_of(query),
        "first_findings": known[:FIRST],
        "findings": listed(known, query),
        "severities": [(badge, sum(finding["badge"] == badge for finding in known)) for badge in SEVERITIES],
        "all_findings": len(known),
        "measures": measures(document),
        "repairs": top_repairs(document),
        "token_chart": chart(document, "tokens"),
        "character_chart": chart(document, "characters"),
        "balance": balance(document),
        "map": coverage_map(document),
        "size": document.get("size"),
    }


def listed(known: list[dict[str, Any]], query: QueryDict) -> list[dict[str, Any]]:
    """The findings of one severity or all, in the order asked for; by itself the gravest first."""
    badge, sort = query.get("severity", ""), query.get("sort", "")
    shown = [finding for finding in known if not badge or finding["badge"] == badge]
    keys = {
        "title": lambda finding: finding["title"].casefold(),
        "severity": lambda finding: SEVERITIES.index(finding["badge"]),
        "rows": lambda finding: finding["count"],
        "surplus": lambda finding: finding.get("surplus") or 0,
    }
    key: Any = keys.get(sort.lstrip("-"))
    return sorted(shown, key=key, reverse=sort.startswith("-")) if key else shown


def measures(document: dict[str, Any]) -> list[dict[str, Any]]:
    """How things were looked for, found or not, and what the measure cannot see; and why what was not looked for was
    not: a count of none must never be read into silence. Audits of before ``looked`` have the last row alone."""
    shown = [
        {
            "title": each["title"],
            "count": each["count"],
            "code": each["code"] if each["count"] else "",
            "measure": each["measure"],
            "threshold": each.get("threshold", ""),
            "cannot_see": each["cannot_see"],
            "without": "" if each["looked"] else f"not looked for: {each['why_not']}",
        }
        for each in document.get("looked") or []
    ]
    diversity = document.get("diversity")
    if diversity:
        counts = {finding["code"]: finding for finding in document.get("findings", [])}
        shown.append(_diversity(diversity, counts.get("low_diversity", {})))
    return shown


def _diversity(section: dict[str, Any], finding: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": "Prompts alike to another",
        "share": section.get("alike_share"),
        "code": finding.get("code", ""),
        "measure": section["measure"],
        "threshold": section["threshold"],
        "cannot_see": finding.get("cannot_see") or "prompts that differ in words and ask the same",
    }


def mends(finding: dict[str, Any]) -> str | None:
    """The operation that mends a finding, as the readiness has it, else as the finding itself names it."""
    for mend in MENDS:
        if finding["code"] in mend.codes:
            return str(mend.operation([finding["code"]])["op"])
    return finding.get("repair")


def top_repairs(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The three most valuable repairs, each with the rows it would touch and the findings it mends; none that would
    drop every row. Audits of before name them without an operation."""
    readiness = document["readiness"]
    if "top_repairs" in readiness:
        rows = document["rows"]["usable"] + document["rows"]["unusable"]
        drops_all = [each for each in readiness["top_repairs"] if each["op"]["op"] == "drop" and each["rows"] >= rows]
        return [each for each in readiness["top_repairs"] if each not in drops_all]
    return [
        {"title": repair["title"], "codes": [repair["code"]], "rows": repair["rows"], "why": repair["remedy"]}
        for repair in readiness.get("repairs", [])
    ]


def chart(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A histogram as _histogram.html draws it."""
    lengths = document.get(name)
    if not lengths:
        return None
    bars = lengths["histogram"]
    return {
        "edges": bars["edges"],
        "counts": bars["counts"],
        "cutoff": lengths.get("cutoff_len"),
        "unit": lengths["unit"],
    }


def balance(document: dict[str, Any]) -> dict[str, Any] | None:
    """The classes with each one's share of the largest, for its bar; the largest is what guessing would reach."""
    found = document.get("label_balance")
    if not found:
        return None
    largest = found["labels"][0]["count"]
    bars = [{**label, "of_largest": label["count"] / largest} for label in found["labels"]]
    return {**found, "labels": bars, "majority": found["labels"][0]["label"]}


def coverage_map(document: dict[str, Any]) -> dict[str, Any] | None:
    """What the map draws: points by cluster, and the clusters as its table lists them."""
    coverage = document.get("coverage")
    if not coverage:
        return None
    names = {str(cluster["id"]): ", ".join(cluster["terms"][:3]) for cluster in coverage["clusters"]}
    return {"points": [point[:3] for point in coverage["points"]], "names": names, "rare": coverage.get("rare", [])}
