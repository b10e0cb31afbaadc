"""Corpus BLEU (Papineni et al. 2002) by sacreBLEU (Post 2018), divided by 100: exponential smoothing, one reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.kinds import Outcome
from engine.training.options import check, option

ORDER = 4
_READ = 50_000
_TOKENIZERS = (
    ("13a", "13a: the standard, for scripts with blanks"),
    ("intl", "international: signs of all scripts parted"),
    ("zh", "Chinese"),
    ("char", "characters"),
)


@dataclass(frozen=True, slots=True)
class Options:
    tokenizer: str = option(
        "13a", label="Words", why="How text is cut into words.", group="Metric", choices=_TOKENIZERS
    )

    def __post_init__(self) -> None:
        check(self, "metric_options.bleu")


DEFAULT = Options()


def encode(outcomes: Sequence[Outcome], options: Options = DEFAULT) -> NDArray[np.int64]:
    """(n, 10): matched n-grams of 1 to 4, n-grams there are, words of the answer, words of the reference."""
    bleu = _bleu(options.tokenizer)
    rows = []
    for outcome in outcomes:
        found = bleu.sentence_score(_plain(outcome.text), [_plain(outcome.reference)])
        rows.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
    return np.array(rows, dtype=np.int64).reshape(-1, 2 * ORDER + 2)


def statistic(rows: NDArray[np.int64]) -> float:
    """0.0 without rows, as for answers that share no word."""
    total = rows.sum(0)
    if len(rows) == 0 or total[0] == 0:
        return 0.0
    from sacrebleu.metrics import BLEU

    found = BLEU.compute_bleu(
        total[:ORDER].tolist(), total[ORDER : 2 * ORDER].tolist(), int(total[-2]), int(total[-1]), smooth_method="exp"
    )
    return min(1.0, float(found.score) / 100)


@lru_cache(maxsize=8)
def _bleu(tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenizer, effective_order=False)


def _plain(text: str) -> str:
    return text[:_READ].encode("utf-8", "replace").decode("utf-8")
