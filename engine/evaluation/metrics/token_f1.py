"""Word overlap F1 of answer and reference (as SQuAD's, but articles stay: they are words like others)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from engine.evaluation.metrics.kinds import Outcome

# A word, or one sign of a script that does not part its words by blanks.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def score(outcome: Outcome) -> float | None:
    found, wanted = Counter(word_list(outcome.text)), Counter(word_list(outcome.reference))
    if not found or not wanted:
        return float(found == wanted)
    shared = sum((found & wanted).values())
    return 2 * shared / (sum(found.values()) + sum(wanted.values()))


def word_list(text: str) -> list[str]:
    """Words without case, in their order; a sign of Han or kana is one."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
