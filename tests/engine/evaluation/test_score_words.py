"""Words: overlap, ROUGE, BLEU and chrF, each against a computation of its own."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.evaluation.metrics import Outcome, aggregate_scorer, row_scorer


def score(name: str, text: str, reference: str, options: dict[str, Any] | None = None) -> float | None:
    return row_scorer(name, options).score(Outcome(text, reference))


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("the cat sat", "the cat sat", 1.0),
        ("cat", "the cat sat on", 0.4),
        ("cat cat cat", "cat", 0.5),
        ("dog", "cat", 0.0),
        ("", "cat", 0.0),
        ("!", "?", 1.0),
        ("東京です", "東京", 2 * 2 / 6),
    ],
)
def test_it_measures_overlap_of_words(text: str, reference: str, expected: float) -> None:
    assert score("token_f1", text, reference) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reference", "one", "two", "longest"),
    [
        # By Google's rouge-score 0.1.2 (use_stemmer=False).
        ("the cat sat on the mat", "the cat was on the mat", 0.833333, 0.6, 0.833333),
        ("police killed the gunman", "police kill the gunman", 0.75, 0.333333, 0.75),
        ("the gunman kill police", "police kill the gunman", 1.0, 0.333333, 0.5),
        (
            "A quick brown fox; it jumps over 13 lazy dogs!",
            "The quick brown fox jumps over the lazy dog, 13 times",
            0.666667,
            0.315789,
            0.571429,
        ),
        ("a b c d e f g a b c", "a c e g b d f a c", 0.947368, 0.0, 0.631579),
        # Scripts that rouge-score does not know.
        ("größer als gedacht", "größer als erwartet", 2 / 3, 0.5, 2 / 3),
        ("東京です", "東京", 2 / 3, 0.5, 2 / 3),
        ("", "words", 0, 0, 0),
    ],
)
def test_it_counts_rouge(text: str, reference: str, one: float, two: float, longest: float) -> None:
    for name, expected in (("rouge_1", one), ("rouge_2", two), ("rouge_l", longest)):
        assert score(name, text, reference) == pytest.approx(expected, abs=1e-6), name


WORDS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_its_longest_common_subsequence_is_the_longest(found: list[str], wanted: list[str]) -> None:
    table = [[0] * (len(wanted) + 1) for _ in range(len(found) + 1)]
    for i, one in enumerate(found):
        for j, other in enumerate(wanted):
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
    expected = 2 * table[-1][-1] / (len(found) + len(wanted))
    assert score("rouge_l", " ".join(found), " ".join(wanted)) == pytest.approx(expected)


PAIRS = [
    ("the cat sat on the mat", "the cat sat on a mat"),
    ("there is a dog in the garden today", "a dog is in the garden"),
    ("it rains", "it rains very hard in the north of the country"),
    ("completely different words here", "nothing shared at all"),
]


def runs(parts: list[str] | str, n: int) -> Counter[Any]:
    return Counter(tuple(parts[i : i + n]) for i in range(len(parts) - n + 1))


def own_bleu(pairs: list[tuple[str, str]]) -> float:
    """Papineni et al. 2002, on text that blanks cut into words."""
    shared, there = [0] * 4, [0] * 4
    said = sum(len(text.split()) for text, _ in pairs)
    wanted = sum(len(reference.split()) for _, reference in pairs)
    for text, reference in pairs:
        for n in range(1, 5):
            mine = runs(text.split(), n)
            shared[n - 1] += (mine & runs(reference.split(), n)).total()
            there[n - 1] += mine.total()
    brevity = 1.0 if said > wanted else math.exp(1 - wanted / said)
    return brevity * math.exp(sum(math.log(a / b) for a, b in zip(shared, there, strict=True)) / 4)


def own_chrf(pairs: list[tuple[str, str]]) -> float:
    """Popović 2015: precision and recall of runs of 1 to 6 characters, averaged, β = 2; blanks left out."""
    precisions, recalls = [], []
    for n in range(1, 7):
        mine = [runs("".join(text.split()), n) for text, _ in pairs]
        theirs = [runs("".join(reference.split()), n) for _, reference in pairs]
        shared = sum((a & b).total() for a, b in zip(mine, theirs, strict=True))
        precisions.append(shared / sum(a.total() for a in mine))
        recalls.append(shared / sum(b.total() for b in theirs))
    precision, recall = sum(precisions) / 6, sum(recalls) / 6
    return 5 * precision * recall / (4 * precision + recall)


@pytest.mark.parametrize(("name", "own"), [("bleu", own_bleu), ("chrf", own_chrf)])
def test_the_corpus_figure_equals_a_computation_by_the_paper(name: str, own: Any) -> None:
    scorer = aggregate_scorer(name)
    rows = scorer.encode([Outcome(text, reference) for text, reference in PAIRS])
    assert scorer.statistic(rows) == pytest.approx(own(PAIRS), abs=1e-6)
    # The rows add up to any corpus, which is what the bootstrap draws.
    assert scorer.statistic(rows[[0, 0, 1]]) == pytest.approx(own([PAIRS[0], PAIRS[0], PAIRS[1]]), abs=1e-6)


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_the_corpus_figure_is_the_one_sacrebleu_reports(name: str) -> None:
    from sacrebleu.metrics import BLEU, CHRF

    pairs = [("Das ist größer, als 3 Bäume!", "Das ist größer als drei Bäume."), *PAIRS]
    scorer = aggregate_scorer(name)
    rows = scorer.encode([Outcome(text, reference) for text, reference in pairs])
    library: Any = BLEU() if name == "bleu" else CHRF()
    expected = library.corpus_score([text for text, _ in pairs], [[reference for _, reference in pairs]])
    assert scorer.statistic(rows) == pytest.approx(expected.score / 100)
    assert scorer.statistic(rows[:0]) == 0.0


def test_bleu_cuts_words_as_it_is_told() -> None:
    outcome = [Outcome("我喜欢东京塔和大阪城", "我喜欢东京塔和大阪")]
    by_blanks, by_signs = aggregate_scorer("bleu"), aggregate_scorer("bleu", {"tokenizer": "zh"})
    assert by_blanks.statistic(by_blanks.encode(outcome)) == 0
    assert by_signs.statistic(by_signs.encode(outcome)) > 0.8


def test_a_model_tells_how_like_two_texts_are(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "embedder"
    shutil.copytree(tiny_folder, folder)
    (folder / "modules.json").write_text("[]")  # what makes it a sentence-transformers model
    options = {"model": str(folder)}
    assert score("embedding_similarity", "blue sky", "blue sky", options) == pytest.approx(1, abs=1e-5)
    other = score("embedding_similarity", "urgent billing returns", "blue sky", options)
    assert other is not None
    assert 0 <= other < 0.999
    assert score("embedding_similarity", "", "blue", options) == 0
    assert score("embedding_similarity", "blue sky", "blue sky") is None
    with pytest.raises(EngineError, match=r"no modules\.json"):
        score("embedding_similarity", "blue", "sky", {"model": str(tiny_folder)})
