"""Format: the answer is not in the form that the references share, is cut off, or is empty.

Constrained output mends it.
"""

from __future__ import annotations

from engine.evaluation.diagnosis.failure import Failure
from engine.evaluation.metrics.reading import MISSING, strict_json
from engine.evaluation.rules import follows

RULES = {
    "empty": "The answer is empty.",
    "not_json": "JSON was wanted, and the answer is no JSON.",
    "other_keys": "It is JSON, without the keys that the references share.",
    "not_a_label": "One of the labels was wanted, and the answer is none of them.",
    "cut_off": "The answer was cut off at the limit of tokens.",
}


def find(failure: Failure) -> str | None:
    if failure.refused:
        return None
    if not failure.text.strip():
        return "empty"
    if failure.form and not follows(failure.text, failure.form):
        if failure.form["kind"] == "choice":
            return "not_a_label"
        return "not_json" if strict_json(failure.text) is MISSING else "other_keys"
    return None if failure.ended else "cut_off"
