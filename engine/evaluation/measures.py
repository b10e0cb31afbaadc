"""The measures of a probe suite and the sign of a change. No torch, the web may import it."""

from __future__ import annotations

from typing import Any

MEASURES: dict[str, dict[str, Any]] = {
    "loss": {"label": "General loss", "unit": "nats per token", "better": "lower"},
    "accuracy": {"label": "General accuracy", "unit": "share of questions", "better": "higher"},
}


def change(baseline: float, score: float, measure: str) -> float:
    """Relative change of a measure, signed so that positive is better retained and negative is forgotten.

    A general loss that rises from 3.10 to 3.41 is -0.10; an accuracy that falls from 0.50 to 0.45 is -0.10.
    Against a baseline of zero the difference itself is given. Raises KeyError for an unknown measure.
    """
    gain = score - baseline if MEASURES[measure]["better"] == "higher" else baseline - score
    return gain / abs(baseline) if baseline else gain
