"""Rows that several people labelled: do they agree beyond chance?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.data.again import examples
from engine.data.agreement import (
    alpha_interval,
    cohen_kappa,
    disagrees,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.example import Example
from engine.data.sample import sample
from engine.data.seen import Seen

ABOUT = (
    About(
        "low_agreement",
        "Annotators disagree",
        "notice",
        "Where people do not agree what is right, the model learns a mixture and no score can tell.",
        "Sharpen the guideline, then decide the rows of disagreement once more; drop what nobody can decide.",
    ),
)
FIRM, TENTATIVE = 0.8, 0.667
LEAST_ROWS, AT_ONCE = 10, 5000
# Beyond these the rest is not counted, and the section says so.
MOST_ROWS, MOST_PATTERNS, MOST_ANNOTATORS = 1_000_000, 100_000, 50

Row = tuple[int, int, tuple[str | None, ...]]


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: only files whose sample has labels by several people are read again."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    if "classification" not in facts.formats or not any(part.annotated for part in sample(facts).parts):
        return
    patterns, repeated, capped = _count(facts)
    rows = sum(patterns.values())
    if rows < LEAST_ROWS:
        return
    # Of labels listed without names, sets of different ones in every row are several labels at once, not opinions.
    multi_label = not repeated
    section = _measure(patterns) | {"multi_label": multi_label}
    section["measure"] = "nominal labels" + (f"; the first {rows:,} rows" if capped else "")
    facts.sections["agreement"] = section
    alpha = section["krippendorff_alpha"]
    if alpha is None or alpha >= FIRM:
        return
    for number, line, given in _rows(facts):
        if disagrees(given):
            shown = ", ".join(f"{label} ({n})" for label, n in Counter(_labels(given)).most_common(4))
            book.flag("low_agreement", number, line, f"Labelled {shown}.")
    _describe(book, section)


def _labels(given: tuple[str | None, ...]) -> list[str]:
    return [label[:60] for label in given if label is not None]


def _rows(facts: Facts) -> Iterator[Row]:
    """(number, line, the labels in the order of the annotators) of annotated rows."""
    numbers = facts.columns["number"].values()[:MOST_ROWS]
    names: dict[str, int] = {}
    for begin in range(0, len(numbers), AT_ONCE):
        for number, line, example in examples(facts, [int(each) for each in numbers[begin : begin + AT_ONCE]]):
            if len(example.annotations) > 1:
                yield number, line, _in_order(example, names)


def _in_order(example: Example, names: dict[str, int]) -> tuple[str | None, ...]:
    for who, _ in example.annotations:
        if len(names) < MOST_ANNOTATORS:
            names.setdefault(who, len(names))
    given = {names[who]: label for who, label in example.annotations if who in names}
    return tuple(given.get(place) for place in range(max(given) + 1)) if given else ()


def _count(facts: Facts) -> tuple[dict[tuple[str | None, ...], int], bool, bool]:
    """How often each pattern of labels occurs, whether a row has a label twice, and whether counting was cut short."""
    patterns: Counter[tuple[str | None, ...]] = Counter()
    repeated = False
    capped = facts.usable > MOST_ROWS
    for _, _, given in _rows(facts):
        if given not in patterns and len(patterns) >= MOST_PATTERNS:
            capped = True
            break
        patterns[given] += 1
        labels = _labels(given)
        repeated = repeated or len(set(labels)) < len(labels)
    width = max(map(len, patterns), default=0)
    return {each + (None,) * (width - len(each)): n for each, n in patterns.items()}, repeated, capped


def _measure(patterns: dict[tuple[str | None, ...], int]) -> dict[str, Any]:
    width = max(map(len, patterns), default=0)
    interval = alpha_interval(patterns) if len(patterns) <= 5000 else None
    measured = {
        "percent_agreement": percent_agreement(patterns),
        "cohen_kappa": cohen_kappa(patterns) if width == 2 else None,
        "fleiss_kappa": fleiss_kappa(patterns),
        "krippendorff_alpha": krippendorff_alpha(patterns),
    }
    return {
        "annotators": width,
        "rows": sum(patterns.values()),
        "disagreements": sum(n for each, n in patterns.items() if disagrees(each)),
        "categories": len({label for each in patterns for label in each if label is not None}),
        **{name: None if value is None else round(value, 4) for name, value in measured.items()},
        "interval": None if interval is None else [round(each, 4) for each in interval],
    }


def _describe(book: Book, section: dict[str, Any]) -> None:
    finding = book.finding("low_agreement")
    alpha = section["krippendorff_alpha"]
    if alpha < TENTATIVE:
        finding.severity = "repair"
    finding.extra |= {
        "measure": f"Krippendorff's alpha {alpha:.2f} over {section['rows']:,} rows with labels by several people",
        "threshold": f"{FIRM} for firm conclusions, {TENTATIVE} for tentative ones (Krippendorff 2004)",
        "cannot_see": "annotators who are wrong together"
        + ("; no row has a label twice: these may be several labels at once" if section["multi_label"] else ""),
    }
