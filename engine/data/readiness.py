"""One word and one sentence from the findings: ready, usable with repairs, or not usable yet."""

from __future__ import annotations

from typing import Any, Literal

from engine.data.valuable import Touched, top_repairs

Grade = Literal["ready", "usable with repairs", "not usable yet"]
REPAIRS_SHOWN = 3


def grade(usable: int, findings: list[dict[str, Any]], touched: Touched | None = None) -> dict[str, Any]:
    """``findings`` as in the document, the gravest first. Returns grade, sentence, the gravest findings and the most
    valuable repairs, each with the rows it would touch (counted by ``touched``, see ``valuable.top_repairs``)."""
    blockers = [finding for finding in findings if finding["severity"] == "blocker"]
    repairs = [finding for finding in findings if finding["severity"] == "repair"]
    word: Grade = "not usable yet" if blockers else "usable with repairs" if repairs else "ready"
    top = [
        {
            "code": f["code"],
            "title": f["title"],
            "rows": f.get("surplus", f["count"]),
            "remedy": f["remedy"],
            "repair": f["repair"],
        }
        for f in sorted(blockers + repairs, key=lambda f: (f["severity"] != "blocker", -f.get("surplus", f["count"])))
    ]
    return {
        "grade": word,
        "sentence": _sentence(word, usable, blockers, top),
        "repairs": top[:REPAIRS_SHOWN],
        "top_repairs": top_repairs(findings, touched),
    }


def _sentence(word: Grade, usable: int, blockers: list[dict[str, Any]], top: list[dict[str, Any]]) -> str:
    rows = f"{usable:,} usable row{'' if usable == 1 else 's'}"
    if not top:
        return f"Ready: {rows}, and nothing to repair."
    named = "; ".join(f"{item['title'].lower()} ({item['rows']:,})" for item in top[:REPAIRS_SHOWN])
    if blockers:
        return f"Not usable yet: {rows}. In the way: {named}."
    return f"Usable with repairs: {rows}. First: {named}."
