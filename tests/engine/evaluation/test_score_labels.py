"""Labels: accuracy, precision, recall, F1 and the confusion matrix, against scikit-learn."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from engine.evaluation.metrics import Outcome, aggregate_scorer, detail_of, row_scorer
from engine.evaluation.metrics.labels import named_label

LABELS = ("billing", "lost card", "card", "other")


def score(name: str, text: str, reference: str) -> float | None:
    return row_scorer(name).score(Outcome(text, reference, LABELS))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Billing.", "billing"),
        ("The label is: billing", "billing"),
        ("lost card", "lost card"),
        ("This is about a LOST CARD", "lost card"),
        ("card", "card"),
        ("billing or card", ""),
        ("discard", ""),
        ("billing billing billing", "billing"),
        ("", ""),
        ("<script>billing</script>", "billing"),
    ],
)
def test_it_reads_the_one_label_an_answer_names(text: str, named: str) -> None:
    assert named_label(text, LABELS) == named
    assert score("accuracy", text, "billing") == float(named == "billing")


def test_it_averages_f1_over_labels() -> None:
    scorer = aggregate_scorer("macro_f1")
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), ("c", "nonsense"), ("c", "a")]
    rows = scorer.encode([Outcome(text, wanted, ("a", "b", "c")) for wanted, text in pairs])
    # a: tp 1, said 2, wanted 2 -> 0.5; b: tp 2, said 3, wanted 2 -> 0.8; c: none said -> 0
    assert scorer.statistic(rows) == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert scorer.statistic(rows[:0]) == 0.0
    assert rows.dtype == np.int64


def answered(n: int, seed: int, unknown: float = 0.0) -> list[Outcome]:
    draw = random.Random(seed)
    rows = []
    for _ in range(n):
        wanted = draw.choice(LABELS)
        said = wanted if draw.random() < 0.6 else draw.choice(LABELS)
        rows.append(Outcome("no idea" if draw.random() < unknown else said, wanted, LABELS))
    return rows


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_it_agrees_with_scikit_learn(average: str, unknown: float) -> None:
    rows = answered(300, seed=5, unknown=unknown)
    expected = precision_recall_fscore_support(
        [row.reference for row in rows],
        [row.text for row in rows],
        labels=list(LABELS),
        average=average,
        zero_division=0,
    )
    names = ("macro_precision", "macro_recall", "macro_f1") if average == "macro" else (None, None, "micro_f1")
    for name, value in zip(names, expected[:3], strict=True):
        if name is not None:
            scorer = aggregate_scorer(name)
            assert scorer.statistic(scorer.encode(rows)) == pytest.approx(value, abs=1e-12), name


def test_the_table_beside_the_figure_is_the_confusion_matrix() -> None:
    rows = answered(200, seed=6, unknown=0.1)
    found = detail_of("macro_f1", rows)
    assert found is not None
    wanted, said = [row.reference for row in rows], [row.text for row in rows]
    expected = confusion_matrix(wanted, said, labels=[*found["labels"], "no idea"])[:-1]
    assert np.array_equal(found["matrix"], expected)
    one = found["per_label"][0]
    assert one["n"] == wanted.count(one["label"])
    assert one["said"] == said.count(one["label"])
    assert found["worst"][0]["n"] == max(np.max(expected[~np.eye(4, 5, dtype=bool)]), 0)


def test_a_matrix_nobody_can_read_is_left_out() -> None:
    labels = tuple(f"label{i:02}" for i in range(40))
    found = detail_of("micro_f1", [Outcome("label00", label, labels) for label in labels])
    assert found is not None
    assert found["matrix"] is None
    assert len(found["per_label"]) == 40
    assert len(found["worst"]) == 20
