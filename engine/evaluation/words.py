"""How a difference and a figure are written: points for shares, signs for gaps, p with what it was adjusted for."""

from __future__ import annotations

from typing import Any

from engine.evaluation.significance import NO_DIFFERENCE


def moved(row: dict[str, Any]) -> str:
    """What a probe's measure did between two models, and whether its items show that to be real."""
    gap = row["score"] - row["baseline"]
    share = 100 * abs(row["change"])
    label = row["label"][0].lower() + row["label"][1:]
    if abs(gap) < 1e-9:
        return f"{label} unchanged"
    verb = "rose" if gap > 0 else "fell"
    sure = "" if row["verdict"] != NO_DIFFERENCE else f", which {row['n']} items do not show to be real"
    return f"{label} {verb} by {share:.1f} %{sure}"


def as_value(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.2f} s" if unit == "seconds" else f"{value:.3f}"


def as_gap(value: float, unit: str) -> str:
    return f"{100 * value:+.1f} points" if unit == "share" else bare(value, unit)


def bare(value: float, unit: str) -> str:
    """A gap without the word points."""
    if unit == "share":
        return f"{100 * value:+.1f}"
    return f"{value:+.2f} s" if unit == "seconds" else f"{value:+.3f}"


def as_p(p: float, adjusted: float | None = None) -> str:
    """p as it was tested; where it was adjusted for other comparisons, that one, and said so."""
    if adjusted is None or adjusted == p:
        return _p(p)
    return f"{_p(adjusted)} adjusted"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
