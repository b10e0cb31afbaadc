"""Classes with far fewer rows than the largest, where rows have classes."""

from __future__ import annotations

from collections import Counter

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "label_imbalance",
        "Rare classes",
        "notice",
        "A class with a tenth of the largest one's rows is learnt late or never, and accuracy hides it.",
        "Collect more rows of the rare classes, or weigh them; judge by macro-F1 beside accuracy.",
    ),
)
RATIO = 10
MOST_LABELS = 2000
LABELS_SHOWN = 200


class _State:
    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.unlabelled = 0
        self.explicit = False
        self.too_many = False


def start(options: Options) -> _State:
    return _State()


def look(state: _State, batch: list[Seen], book: Book) -> None:
    if state.too_many:
        return
    state.explicit = state.explicit or any(seen.format in ("classification", "kto") for seen in batch)
    labels = [seen.label for seen in batch if seen.label is not None]
    state.unlabelled += len(batch) - len(labels)
    state.labels.update(labels)
    state.too_many = len(state.labels) > MOST_LABELS


def hand_over(state: _State) -> tuple[Counter[str], int, bool, bool]:
    taken = (state.labels, state.unlabelled, state.explicit, state.too_many)
    state.labels, state.unlabelled = Counter(), 0
    return taken


def take_over(state: _State, part: tuple[Counter[str], int, bool, bool]) -> None:
    labels, unlabelled, explicit, too_many = part
    state.labels.update(labels)
    state.unlabelled += unlabelled
    state.explicit = state.explicit or explicit
    state.too_many = state.too_many or too_many or len(state.labels) > MOST_LABELS


def conclude(state: _State, book: Book, facts: Facts) -> None:
    """Short answers count as classes when nearly all rows have one and they repeat five times on average."""
    labels, rows = state.labels, state.labels.total()
    if state.too_many or len(labels) < 2 or state.unlabelled * 20 > rows:
        return
    if not state.explicit and (len(labels) * 5 > rows or len(labels) > LABELS_SHOWN):
        return
    ordered = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    largest = ordered[0][1]
    shown = [{"label": name, "count": count, "share": count / rows} for name, count in ordered[:LABELS_SHOWN]]
    facts.label_balance = {"rows": rows, "distinct": len(labels), "majority_share": largest / rows, "labels": shown}
    for label in [name for name, count in ordered if count * RATIO <= largest]:
        found = facts.connection.execute("select number, line from row where label = ? order by number", (label,))
        for number, line in found.fetchall():
            book.flag("label_imbalance", number, line, f"{labels[label]} rows of this class, {largest} of the largest.")
    if book.has("label_imbalance"):
        book.finding("label_imbalance").extra["threshold"] = f"at most 1/{RATIO} of the largest class"
