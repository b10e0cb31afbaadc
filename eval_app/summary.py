"""The figures above the rows: every measure of the systems shown, with intervals, as a table and as a chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eval_app.asked import Asked
from eval_app.deciding import Measure, measure
from eval_app.models import Evaluation

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One measure: a figure for each system shown (None where it was not taken), and candidate against baseline."""

    measure: Measure
    figures: list[Figure | None]
    comparison: dict[str, Any] | None
    decides: bool

    @property
    def n(self) -> int | None:
        """The rows behind every figure of the line; None where they differ, and each says its own."""
        counts = {figure["n"] for figure in self.figures if figure}
        return counts.pop() if len(counts) == 1 else None


def lines(found: Evaluation, asked: Asked) -> list[Line]:
    results = found.results
    names = dict.fromkeys(name for system in results["systems"].values() for name in system["metrics"])
    compared = {
        row["metric"]: row
        for row in results["comparisons"]
        if (row["baseline"], row["candidate"]) == (asked.baseline.key, asked.candidate.key)
    }
    return [
        Line(
            measure(name, results),
            [_figure(results["systems"].get(system.key, {}), name) for system in asked.shown],
            compared.get(name),
            name == results["primary_metric"],
        )
        for name in names
    ]


def chart(asked: Asked, table: list[Line]) -> dict[str, Any]:
    """What static/js/compare-chart.js draws: systems in the order of their keys, measures with values and intervals."""
    return {
        "systems": [{"name": system.name, "role": role_of(asked, system.key)} for system in asked.shown],
        "measures": [
            {
                "label": line.measure.label,
                "unit": line.measure.unit,
                "figures": [
                    {name: figure[name] for name in ("value", "low", "high", "n")} if figure else None
                    for figure in line.figures
                ],
            }
            for line in table
            if any(line.figures)
        ],
    }


def role_of(asked: Asked, key: str) -> str:
    return {asked.baseline.key: "baseline", asked.candidate.key: "candidate"}.get(key, "")


def _figure(system: dict[str, Any], name: str) -> Figure | None:
    found: Figure | None = system.get("metrics", {}).get(name)
    return found if found and found["value"] is not None else None
