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
MEASURE: dict[str, Any] = {
    "measure": f"confident learning over {FOLDS}-fold logistic regression on words and word pairs",
    "threshold": "as sure of another class as of that class's own rows on average",
    "cannot_see": f"labels wrong in the same way everywhere, and classes of fewer than {LEAST_ROWS} rows",
}


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the labels are in the index, and the class balance has decided whether rows have classes."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    balance = facts.label_balance
    if balance is None or balance["distinct"] > MOST_CLASSES:
        why = "the rows have no classes" if balance is None else f"there are more than {MOST_CLASSES} classes"
        book.pass_over({"suspicious_label": MEASURE}, why)
        return
    texts, labels, places = _rows(facts)
    if len(texts) < LEAST_IN_ALL or len(set(labels)) < 2:
        why = f"that takes {LEAST_IN_ALL} rows of two classes with {LEAST_ROWS} each"
        book.pass_over({"suspicious_label": MEASURE}, why)
        return
    chances, classes = _chances(texts, labels)
    given = np.searchsorted(classes, labels)
    for row in _doubtful(chances, given):
        likely = str(classes[int(chances[row].argmax())])
        book.flag("suspicious_label", *places[row], f"Given as “{labels[row]}”, reads like “{likely}”.")
    sampled = "" if len(texts) < MOST_ROWS else f"; of a sample of {len(texts):,} rows"
    book.say({"suspicious_label": {**MEASURE, "measure": MEASURE["measure"] + sampled}})


def _rows(facts: Facts) -> tuple[list[str], list[str], list[tuple[int, int]]]:
    """Prompts, labels and (number, line) of labelled rows, of large classes; an even sample of many."""
    found = facts.connection.execute("select number, label from row where label is not null order by number").fetchall()
    sizes = Counter(label for _, label in found)
    found = [(number, label) for number, label in found if sizes[label] >= LEAST_ROWS]
    step = -(-len(found) // MOST_ROWS) if found else 1
    label_of = dict(found[::step])
    texts, labels, places = [], [], []
    for number, line, prompt, _, _ in contents(facts, list(label_of)):
        texts.append(spoken(prompt, "", ""))
        labels.append(label_of[number])
        places.append((number, line))
    return texts, labels, places


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
    """Rows whose likeliest class passes its threshold (the mean chance of that class among its own rows) and is not
    the one given."""
    classes = chances.shape[1]
    own = [chances[given == each, each] for each in range(classes)]
    thresholds = np.array([each.mean() if len(each) else 1.0 for each in own])
    passing = np.where(chances >= thresholds, chances, 0.0)
    likely = passing.argmax(axis=1)
    doubtful = (passing.max(axis=1) > 0) & (likely != given) & (chances.argmax(axis=1) != given)
    return [int(row) for row in np.flatnonzero(doubtful)]
