"""Labels that a classifier trained on the other rows disagrees with (confident learning, Northcutt and others 2021)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.again import contents
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen
from engine.data.similar import spoken

ABOUT = (
    About(
        "suspicious_label",
        "Doubtful labels",
        "notice",
        "A wrong label teaches the wrong answer, and in held-out rows it makes a right answer count as wrong.",
        "Look at them, the surest first; many are right and merely hard, so nothing should be dropped unread.",
    ),
)
# Classes with fewer rows cannot be learnt from the others; more rows than this are sampled evenly.
LEAST_ROWS, FOLDS, MOST_ROWS, MOST_CLASSES = 8, 4, 20_000, 200
LEAST_IN_ALL = 60
# How much likelier the other class must be than the one given. Doubts below the first were right one time in thirty,
# those above the second nine times in ten (the measurement named in REVIEWED).
LEAST_MARGIN, SURE_MARGIN = 0.5, 0.7
REVIEWED = (
    "reviewed on BANKING77 with 3 % of its 10,003 labels changed at random: 69 % of the doubted rows were changed ones "
    "(88 % of the surer, 45 % of the less sure), and 67 % of the changed ones were doubted"
)
MEASURE: dict[str, Any] = {
    "measure": f"confident learning over {FOLDS}-fold logistic regression on words and word pairs; {REVIEWED}",
    "threshold": "as sure of another class as of that class's own rows on average, and by "
    f"{LEAST_MARGIN} surer than of the class given (surer: by {SURE_MARGIN})",
    "cannot_see": f"labels wrong in the same way everywhere, classes of fewer than {LEAST_ROWS} rows, and thumbs, "
    "which judge an answer",
}
SURER, LESS_SURE = "surer", "less sure"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the labels are in the index, and the class balance has decided whether rows have classes."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    if why_not := _why_not(facts):
        book.pass_over({"suspicious_label": MEASURE}, why_not)
        return
    texts, labels, places, total = _rows(facts)
    if len(texts) < LEAST_IN_ALL or len(set(labels)) < 2:
        why_not = f"that takes {LEAST_IN_ALL} rows of two classes with {LEAST_ROWS} each"
        book.pass_over({"suspicious_label": MEASURE}, why_not)
        return
    chances, classes = _chances(texts, labels)
    given = np.searchsorted(classes, labels)
    for row in _doubtful(chances, given):
        likely = int(chances[row].argmax())
        margin = float(chances[row, likely] - chances[row, given[row]])
        note = f"Given as “{labels[row]}”, reads like “{classes[likely]}” (by {margin:.0%})."
        book.flag("suspicious_label", *places[row], note, SURER if margin >= SURE_MARGIN else LESS_SURE)
    sampled = f"; of an even sample of {len(texts):,} of {total:,} labelled rows" if len(texts) < total else ""
    book.say({"suspicious_label": {**MEASURE, "measure": MEASURE["measure"] + sampled}})


def _why_not(facts: Facts) -> str:
    balance = facts.label_balance
    if balance is None:
        return "the rows have no classes"
    if set(facts.formats) == {"kto"}:
        # Tried on LLaMA-Factory's 300 rows, by prompt, by answer and by both: 90 to 110 doubts, of which 5 to 7 in a
        # hundred were labels changed on purpose, where 5 in a hundred were changed. That is chance.
        return "a thumb judges an answer, which its words do not tell"
    return f"there are more than {MOST_CLASSES} classes" if balance["distinct"] > MOST_CLASSES else ""


def _rows(facts: Facts) -> tuple[list[str], list[str], list[tuple[int, int]], int]:
    """Prompts, labels and (number, line) of labelled rows, of large classes; an even sample of many; and how many there
    are."""
    select = "select number, label from row where label is not null and format != 'kto' order by number"
    found = facts.connection.execute(select).fetchall()
    sizes = Counter(label for _, label in found)
    found = [(number, label) for number, label in found if sizes[label] >= LEAST_ROWS]
    step = max(1, -(-len(found) // MOST_ROWS))
    label_of = dict(found[::step])
    texts, labels, places = [], [], []
    for number, line, prompt, _, _ in contents(facts, list(label_of)):
        texts.append(spoken(prompt, "", ""))
        labels.append(label_of[number])
        places.append((number, line))
    return texts, labels, places, len(found)


def _chances(texts: list[str], labels: list[str]) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """rows × classes: how likely each class is by a classifier that did not see the row; and the classes in order."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    vectors: Any = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=20_000).fit_transform(texts)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=42)
    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=10, tol=None, random_state=42)
    chances: Any = cross_val_predict(model, vectors, np.array(labels), cv=folds, method="predict_proba")
    return chances, np.unique(np.array(labels))


def _doubtful(chances: NDArray[np.float64], given: NDArray[np.int64]) -> list[int]:
    """Rows whose likeliest class passes its threshold (the mean chance of that class among its own rows) and is
    likelier than the one given by ``LEAST_MARGIN``."""
    classes = chances.shape[1]
    own = [chances[given == each, each] for each in range(classes)]
    thresholds = np.array([each.mean() if len(each) else 1.0 for each in own])
    passing = np.where(chances >= thresholds, chances, 0.0)
    likely = passing.argmax(axis=1)
    margin = chances.max(axis=1) - chances[np.arange(len(given)), given]
    doubtful = (passing.max(axis=1) > 0) & (likely != given) & (margin >= LEAST_MARGIN)
    return [int(row) for row in np.flatnonzero(doubtful)]
