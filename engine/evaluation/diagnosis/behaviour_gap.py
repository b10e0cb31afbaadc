"""Behaviour gap: everything that was needed was at hand and the form was kept, and the answer is another.

Tuning teaches it.
"""

from __future__ import annotations

from engine.evaluation.diagnosis.failure import Failure

RULES = {
    "refused": "It refuses what the reference answers.",
    "wrong_label": "It names another label.",
    "wrong_value": "The form is right, a value in it is not.",
    "other_words": "All that was needed was in the prompt or in the training rows; the answer says something else.",
}

OPEN_RULES = frozenset({"wrong_label", "wrong_value", "other_words"})
"""They say what was not found, and not why: a judge may look at these rows."""


def find(failure: Failure) -> str | None:
    if failure.refused:
        return "refused"
    if failure.form is not None:
        return "wrong_label" if failure.form["kind"] == "choice" else "wrong_value"
    return "other_words"
