"""Decisions of a blind review as preference rows: prompt, chosen, rejected. No torch, the web may import it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.evaluation.reviewing import Decision, by_row, of_row

ORIGIN = "blind review"
By = Literal["majority", "votes"]
# How the decisions about a row become pairs: the first is what a form suggests.
WAYS: dict[By, tuple[str, str]] = {
    "majority": (
        "The majority of a row's reviewers",
        "One answer must have more than half of the decisions about a row. Rows without such a majority are left out.",
    ),
    "votes": (
        "Every vote, by weight",
        "Each decision makes its rows. Where reviewers disagree, both directions are there in the proportion of the "
        "votes, which DPO learns as a weaker preference. Decisions that agree make equal rows: the audit calls them "
        "duplicates, and they are meant.",
    ),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as the reviewers saw it: the prompt's turns, and the text of each system by key."""

    messages: Sequence[Mapping[str, Any]]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pairs:
    """``rows``: (evaluation row, preference row). The rest counts rows of the review that make none, each once:
    ``disagreed`` (no majority), ``undecided`` (tie, neither or skipped), ``empty`` (an answer without text)."""

    rows: list[tuple[int, dict[str, Any]]]
    disagreed: int
    undecided: int
    empty: int

    @property
    def sources(self) -> list[int]:
        return sorted({row for row, _ in self.rows})


def pairs(decisions: Sequence[Decision], shown: Mapping[int, Shown], by: By) -> Pairs:
    """Each decision for one answer prefers it to every other with another text: two rows where three were shown."""
    made: list[tuple[int, dict[str, Any]]] = []
    left: Counter[str] = Counter()
    for row, given in sorted(by_row(decisions).items()):
        votes = [each for each in given if each.kind == "won"]
        if by == "majority":
            together = of_row(given)
            votes = [together] if together is not None and together.kind == "won" else []
        if not votes:
            won = any(each.kind == "won" for each in given)
            left["disagreed" if won and len({each.label for each in given if each.kind != "skip"}) > 1 else "none"] += 1
            continue
        found = [pair for vote in votes for pair in _of(vote, shown[row])]
        left["empty"] += not found
        made += [(row, pair) for pair in found]
    return Pairs(made, left["disagreed"], left["none"], left["empty"])


def _of(vote: Decision, shown: Shown) -> list[dict[str, Any]]:
    chosen = shown.texts[vote.winners[0]]
    rejected = dict.fromkeys(shown.texts[key] for key in sorted(vote.order) if key not in vote.winners)
    return [
        {
            "prompt": [dict(turn) for turn in shown.messages],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": text}],
            "source": ORIGIN,
        }
        for text in rejected
        if chosen.strip() and text.strip() and text != chosen
    ]
