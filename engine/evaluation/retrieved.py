"""What was retrieved, judged apart from what was generated; and answers judged by what was retrieved. No torch.

Recall at k: whether the passage that a row needs is among the k it was given. By the row's own gold passage or document
where it names one, else by whether the reference's values stand in what was retrieved, which is a weaker sign.

Faithful: the share of an answer's content that the passages or the question support: its numbers and names, and its
runs of two words. It counts words and understands none: a paraphrase counts against, a denial of a passage does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from engine.evaluation import significance as stats
from engine.evaluation.cases import Case
from engine.evaluation.journal import Output
from engine.evaluation.metrics.reading import MISSING, holds, normalised, strict_json
from engine.evaluation.ranking.bm25 import terms

_STEM = re.compile(r"\.[a-z0-9]{1,5}$")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# A word in the middle of a sentence with a capital is a name, near enough.
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w'-]+")
_HOW = {
    "passage": "the gold passage of each row",
    "document": "the gold document of each row",
    "answer": "whether the reference stands in what was retrieved",
}


def retrieval_figures(cases: Sequence[Case], outputs: dict[int, Output], seed: int) -> dict[str, Any] | None:
    """The "retrieval" of results.json; None where nothing was retrieved."""
    given = [(case, outputs[case.row]) for case in cases if outputs[case.row].retrieved is not None]
    if not given:
        return None
    found = [(recall(case, output.retrieved or []), by(case)) for case, output in given]
    values = [value for value, _ in found if value is not None]
    answered = [(case, output) for case, output in given if not output.problem]
    support = [
        share
        for case, output in answered
        if (share := supported(output.text, output.retrieved or [], case.prompt)) is not None
    ]
    ways = sorted({way for value, way in found if value is not None})
    return {
        "k": max(len(output.retrieved or []) for _, output in given),
        **_figure("recall_at_k", values, seed),
        "n": len(values),
        "by": [{"way": way, "words": _HOW[way], "n": sum(w == way for v, w in found if v is not None)} for way in ways],
        "faithful": {**_figure("value", support, seed), "n": len(support)},
    }


def _figure(name: str, values: list[float], seed: int) -> dict[str, float | None]:
    if not values:
        return {name: None, "low": None, "high": None}
    if all(value in (0.0, 1.0) for value in values):
        interval = stats.wilson(round(sum(values)), len(values))
    else:
        interval = stats.bootstrap_mean(values, seed)
    return {name: sum(values) / len(values), "low": interval.low, "high": interval.high}


def by(case: Case) -> str:
    """What the recall of this row rests on: "passage", "document" or "answer"."""
    if case.facts.get("gold_passage"):
        return "passage"
    return "document" if case.facts.get("gold_document") else "answer"


def recall(case: Case, retrieved: Sequence[dict[str, Any]]) -> float | None:
    """1 when what the row needs was retrieved, else 0; by the reference, the share of its values that were. None where
    the reference has no value to look for."""
    texts = [normalised(passage["text"]) for passage in retrieved]
    way = by(case)
    if way == "passage":
        gold = normalised(str(case.facts["gold_passage"]))
        return float(any(gold in text or text in gold for text in texts if text))
    if way == "document":
        gold = _name(str(case.facts["gold_document"]))
        return float(any(_name(passage["document"]) == gold for passage in retrieved))
    values = _values(case.reference)
    if not values:
        return None
    return sum(any(holds(text, value) for text in texts) for value in values) / len(values)


def supported(answer: str, retrieved: Sequence[dict[str, Any]], question: str) -> float | None:
    """Share of the answer's numbers, names and word pairs that stand in the passages or the question. None for an
    answer without any."""
    source = "\n".join([question, *(passage["text"] for passage in retrieved)])
    words = set(terms(source))
    pairs = set(pairwise(terms(source)))
    wanted = [tuple(terms(one)) for one in (*_NUMBER.findall(answer), *_NAME.findall(answer))]
    claims = [all(part in words for part in parts) for parts in wanted if parts]
    said = terms(answer)
    claims += [pair in pairs for pair in pairwise(said)] or [word in words for word in said]
    return sum(claims) / len(claims) if claims else None


def _values(reference: str) -> list[str]:
    """What has to be found: the reference itself, or the texts and numbers in its JSON."""
    value = strict_json(reference)
    found = [reference] if value is MISSING else list(_scalars(value))
    return [text for text in (normalised(one) for one in found) if text]


def _scalars(value: Any) -> list[str]:
    """In order, without true, false and null, which stand in no document."""
    stack, found = [value], []
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack.extend(reversed(list(one.values())))
        elif isinstance(one, list):
            stack.extend(reversed(one))
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            found.append(str(one))
    return found


def _name(text: str) -> str:
    """A document's name without case, folder and ending."""
    return _STEM.sub("", text.replace("\\", "/").rsplit("/", 1)[-1].strip().casefold())
