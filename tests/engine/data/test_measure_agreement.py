"""Agreement of annotators: published worked examples, another library, and files of annotated rows."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data.agreement import (
    Patterns,
    alpha_interval,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from tests.engine.data.rows import audit_rows, finding, qa

# Fleiss 1971's table as in the example of 10 subjects and 14 raters: how often each of five classes was given.
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def patterns_of(rows: list[tuple[str | None, ...]]) -> Patterns:
    return Counter(rows)


def test_cohen_kappa_of_the_textbook_table() -> None:
    patterns = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert cohen_kappa(patterns) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(5))
def test_cohen_kappa_is_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import cohen_kappa_score

    chance = random.Random(seed)
    ones = [chance.choice("abcd") for _ in range(200)]
    others = [one if chance.random() < seed / 5 else chance.choice("abc") for one in ones]
    ours = cohen_kappa(patterns_of(list(zip(ones, others, strict=True))))
    assert ours == pytest.approx(cohen_kappa_score(ones, others))


def test_fleiss_kappa_of_the_published_table() -> None:
    rows = [tuple(str(label) for label, n in enumerate(counts) for _ in range(n)) for counts in FLEISS]
    assert fleiss_kappa(patterns_of(rows)) == pytest.approx(0.210, abs=0.0005)
    assert fleiss_kappa(patterns_of([*rows, ("1", "2")])) is None  # another number of labels


def test_alpha_of_the_published_examples() -> None:
    # Krippendorff 2011, parts C (four observers, gaps) and A (two observers).
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    units = zip(*(line.split() for line in observers), strict=True)
    rows = [tuple(None if label == "." else label for label in unit) for unit in units]
    assert krippendorff_alpha(patterns_of(rows)) == pytest.approx(0.743, abs=0.0005)
    two = list(zip("0100000010", "1110010000", strict=True))
    assert krippendorff_alpha(patterns_of(two)) == pytest.approx(0.095, abs=0.0005)


def test_agreement_without_a_doubt_and_without_a_choice() -> None:
    sure = {("a", "a"): 5, ("b", "b"): 5}
    assert cohen_kappa(sure) == fleiss_kappa(sure) == krippendorff_alpha(sure) == percent_agreement(sure) == 1
    only = {("a", "a"): 9}  # one class: whatever was done, they would have agreed
    assert cohen_kappa(only) is None and fleiss_kappa(only) is None and krippendorff_alpha(only) is None
    assert cohen_kappa({}) is None and krippendorff_alpha({("a", None): 3}) is None and percent_agreement({}) is None


def test_the_interval_holds_alpha_and_narrows_with_rows() -> None:
    few = {("a", "a"): 8, ("b", "b"): 8, ("a", "b"): 4}
    many = {each: n * 50 for each, n in few.items()}
    narrow, wide = alpha_interval(many), alpha_interval(few)
    assert narrow is not None and wide is not None
    assert wide[0] < narrow[0] < (krippendorff_alpha(many) or 0) < narrow[1] < wide[1]


def annotated(count: int, wrong: int, shape: str) -> list[dict[str, Any]]:
    """``count`` texts with three labels each; in the first ``wrong``, the third person says something else."""
    rows = []
    for number in range(count):
        label = ("billing", "refund", "login")[number % 3]
        third = ("refund", "login", "billing")[number % 3] if number < wrong else label
        labels = [label, label, third]
        named = [{"annotator": who, "label": each} for who, each in zip("xyz", labels, strict=True)]
        more: dict[str, Any] = {
            "list": {"labels": labels},
            "objects": {"annotations": named},
            "columns": {f"label_{place}": each for place, each in enumerate(labels, start=1)},
            "people": {f"annotator_{who}": each for who, each in zip("abc", labels, strict=True)},
            "decided": {"label": label, "annotations": named},
        }[shape]
        rows.append({"text": f"Ticket {number} about number {number * 7} and {number * 13}", **more})
    return rows


@pytest.mark.parametrize("shape", ["list", "objects", "columns", "people", "decided"])
def test_rows_where_people_disagree_are_listed(tmp_path: Path, shape: str) -> None:
    document = audit_rows(tmp_path, annotated(60, 30, shape))
    assert document["format"] == "classification" and document["rows"]["usable"] == 60
    assert document["label_balance"]["distinct"] == 3  # the majority's label is the answer
    found = finding(document, "low_agreement")
    assert found["lines"] == list(range(1, 31)) and found["severity"] == "repair"
    section = document["agreement"]
    assert (section["annotators"], section["rows"], section["disagreements"]) == (3, 60, 30)
    assert section["fleiss_kappa"] == pytest.approx(section["krippendorff_alpha"], abs=0.02)
    assert section["cohen_kappa"] is None and section["interval"][0] < section["krippendorff_alpha"] < 0.667
    assert section["percent_agreement"] == pytest.approx((30 + 30 / 3) / 60, abs=1e-4)


def test_people_who_agree_raise_nothing(tmp_path: Path) -> None:
    document = audit_rows(tmp_path, annotated(60, 3, "objects"))
    assert finding(document, "low_agreement")["count"] == 0
    assert document["agreement"]["krippendorff_alpha"] > 0.9


def test_two_people_with_gaps_are_measured_by_kappa_and_alpha(tmp_path: Path) -> None:
    rows = annotated(60, 0, "columns")
    for number, row in enumerate(rows):
        del row["label_3"]
        row["label_2"] = None if number % 6 == 0 else "login" if number % 6 == 1 else row["label_2"]
    section = audit_rows(tmp_path, rows)["agreement"]
    assert section["annotators"] == 2 and section["rows"] == 50 and section["fleiss_kappa"] is not None
    assert section["cohen_kappa"] == pytest.approx(section["krippendorff_alpha"], abs=0.02)


def test_sets_of_labels_are_not_taken_for_opinions_in_silence(tmp_path: Path) -> None:
    rows = [{"text": f"Ticket {n} {n * 31}", "labels": ["refund", "urgent"][:: 1 if n % 2 else -1]} for n in range(40)]
    document = audit_rows(tmp_path, rows)
    assert document["agreement"]["multi_label"] is True
    assert "several labels at once" in finding(document, "low_agreement")["cannot_see"]


def test_a_label_by_one_person_has_no_agreement(tmp_path: Path) -> None:
    rows = [{"text": f"Ticket {n}", "label": "ab"[n % 2], "label_text": "xy"[n % 2]} for n in range(40)]
    assert audit_rows(tmp_path, rows)["agreement"] is None
    assert audit_rows(tmp_path, [qa(f"Q {n}", "A", labels=[]) for n in range(40)])["agreement"] is None
