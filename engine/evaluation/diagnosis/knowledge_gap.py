"""Knowledge gap: the reference states facts that stand neither in the prompt nor in the training rows, and the answer
does not have them. No prompt and no style of answer brings them; retrieval does."""

from __future__ import annotations

from engine.evaluation.diagnosis.failure import Failure
from engine.evaluation.stated import words_of

RULES = {
    "fact_nowhere": "The reference has facts that are not in the prompt, not in the training rows, not in the answer."
}


def find(failure: Failure) -> str | None:
    if failure.refused:
        return None
    wanted = failure.case.facts.get("outside") or []
    if not wanted:
        return None
    said = words_of(failure.text)
    return "fact_nowhere" if any(fact not in said for fact in wanted) else None
