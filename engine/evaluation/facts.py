"""What is known of each row before it is asked: its label, length, language, tags, source, cluster and difficulty.

Slices are made of these; the facts that its reference states and the model was given nowhere are for the diagnosis.
What cannot be had is left out; the same rows give the same facts. No torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.checks.other_language import language
from engine.data.example import Example
from engine.data.examples import iterate
from engine.data.records import Reader, Record
from engine.data.topics import topics, words
from engine.evaluation.cases import Case
from engine.evaluation.metrics.json_schema import MOST_SCHEMA
from engine.evaluation.metrics.reading import strict_json
from engine.evaluation.spec import EvaluationSpec
from engine.evaluation.stated import outside

LEAST_CLUSTERED = 40
"""Fewer prompts than this make clusters of a handful, which say nothing."""

MOST_TRAINING = 20_000
_LONGEST = 60
_OWN = ("source", "difficulty")
_SCHEMAS = ("schema", "json_schema")

Texts = Sequence[str]


def with_facts(cases: Sequence[Case], spec: EvaluationSpec) -> list[Case]:
    """The cases, each with its facts."""
    made = facts_of(cases, spec.rows, spec.task_type, spec.tags, spec.training_rows)
    return [replace(case, facts={**case.facts, **facts}) for case, facts in zip(cases, made, strict=True)]


def facts_of(
    cases: Sequence[Case],
    file: Path,
    task_type: str,
    tags: dict[str, list[str]] | None = None,
    training: Path | None = None,
) -> list[dict[str, Any]]:
    """The facts of each case, in order. `file` holds the rows, `tags` are by row identity, `training` is the file of
    the rows that were trained on (difficulty: how far a prompt is from all of them)."""
    prompts = [asked(case) for case in cases]
    own = _own_fields(file)
    trained = _examples(training)
    columns: dict[str, Sequence[Any]] = {
        "label": [short(case.reference) for case in cases] if task_type == "classification" else [],
        "length": thirds([len(prompt) for prompt in prompts]),
        "language": [language(prompt) for prompt in prompts],
        "tags": [sorted({short(tag) for tag in (tags or {}).get(case.row_id, [])} - {""}) for case in cases],
        "source": [short(own.get(case.line, {}).get("source")) for case in cases],
        "cluster": clusters(prompts),
        "difficulty": _difficulty(
            [own.get(case.line, {}).get("difficulty") for case in cases], prompts, [row.prompt_text for row in trained]
        ),
        "outside": _outside(cases, task_type, trained),
        "schema": [own.get(case.line, {}).get("schema") for case in cases],
    }
    found: list[dict[str, Any]] = [{} for _ in cases]
    for name, column in columns.items():
        for facts, value in zip(found, column, strict=False):
            if value:
                facts[name] = value
    return found


def asked(case: Case) -> str:
    """All that a row asks but the system prompt, which is the same for all."""
    return "\n".join(str(turn.get("content") or "") for turn in case.messages if turn.get("role") != "system")


def thirds(lengths: Sequence[int]) -> list[str]:
    """short, medium or long by the thirds of these prompts' own lengths in characters; nothing where all are alike."""
    if len(set(lengths)) < 3:
        return []
    low, high = np.quantile(lengths, [1 / 3, 2 / 3])
    return ["short" if length <= low else "long" if length > high else "medium" for length in lengths]


def clusters(prompts: Texts) -> list[str]:
    """The cluster each prompt belongs to, named by the three words that tell it from the others."""
    if len(prompts) < LEAST_CLUSTERED:
        return []
    found = topics(list(prompts))
    if len(found.terms) < 2:
        return []
    names: list[str] = []
    for number, terms in enumerate(found.terms, 1):
        name = ", ".join(terms[:3]) or f"cluster {number}"
        names.append(short(name if name not in names else f"{name} ({number})"))
    return [names[cluster] for cluster in found.of]


def nearness(prompts: Texts, known: Texts) -> NDArray[np.float64]:
    """Each prompt's cosine to the most alike of `known`, over TF-IDF of words: 0 to 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=words, sublinear_tf=True, dtype=np.float32)
    try:
        stock: Any = vectorizer.fit_transform(known)
    except ValueError:  # not a word in all of them
        return np.zeros(len(prompts))
    mine: Any = vectorizer.transform(prompts)
    parts = [mine[at : at + 200] @ stock.T for at in range(0, len(prompts), 200)]
    return np.concatenate([np.asarray(part.max(axis=1).todense()).ravel() for part in parts]).astype(np.float64)


def short(value: Any) -> str:
    """A value of a row's own field as the name of a slice: one line, at most 60 characters."""
    text = " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _outside(cases: Sequence[Case], task_type: str, trained: Sequence[Example]) -> list[list[str]]:
    """What the diagnosis asks: the facts of each reference that the model was given nowhere. Labels are no facts."""
    if task_type == "classification":
        return []
    prompts = ["\n".join(str(turn.get("content") or "") for turn in case.messages) for case in cases]
    known = [f"{row.prompt_text}\n{row.answer}" for row in trained]
    return outside([case.reference for case in cases], prompts, known, whole=task_type in ("text", "chat"))


def _difficulty(own: Sequence[Any], prompts: Texts, known: Texts) -> list[str]:
    """The row's own word; else the half of the prompts that is farther from the training rows, and the nearer one."""
    if any(short(value) for value in own):
        return [short(value) for value in own]
    if not known or not prompts:
        return []
    near = nearness(prompts, known)
    if near.min() == near.max():
        return []
    middle = float(np.median(near))
    return ["near training" if value > middle else "far from training" for value in near]


def _examples(training: Path | None) -> list[Example]:
    if training is None or not training.is_file():
        return []
    return [row.example for row in islice(iterate(training, skip_unusable=True), MOST_TRAINING)]


def _own_fields(file: Path) -> dict[int, dict[str, Any]]:
    """line -> the fields of its row that slices know."""
    return {
        record.line: {name: record.row[name] for name in _OWN if name in record.row} | _schema(record.row)
        for record in Reader(file)
        if isinstance(record, Record) and isinstance(record.row, dict)
    }


def _schema(row: dict[str, Any]) -> dict[str, Any]:
    """The row's own JSON Schema, from its column `schema` or `json_schema`, as an object or as text."""
    for name in _SCHEMAS:
        value = row.get(name)
        if isinstance(value, str) and len(value) <= MOST_SCHEMA:
            value = strict_json(value)
        if isinstance(value, dict) and value and len(json.dumps(value)) <= MOST_SCHEMA:
            return {"schema": value}
    return {}
