"""The rows an evaluation asks: each a prompt and a reference, with the identity that ties it to its dataset."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.data.examples import load
from engine.data.records import Reader, Record
from engine.errors import EngineError
from engine.evaluation.metrics.reading import MISSING, strict_json
from engine.evaluation.spec import EvaluationSpec

_JSON_SHARE = 0.9
"""References count as JSON from this share on."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row: `row` is its position in this evaluation, `line` its physical line in the file, from 1."""

    row: int
    row_id: str
    line: int
    messages: tuple[dict[str, Any], ...]
    reference: str
    tools: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What slices are made of, and what a row brings of its own (engine/evaluation/facts.py)."""

    @property
    def schema(self) -> Any:
        """The row's own JSON Schema; None where it has none."""
        return self.facts.get("schema")

    @property
    def prompt(self) -> str:
        """What the user said last."""
        return asked_last(self.messages)

    def to_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "row_id": self.row_id,
            "line": self.line,
            "messages": list(self.messages),
            "reference": self.reference,
            "facts": self.facts,
        }


def asked_last(messages: Sequence[dict[str, Any]]) -> str:
    """The last user turn of a conversation; "" without any."""
    users = [str(message.get("content") or "") for message in messages if message.get("role") == "user"]
    return users[-1] if users else ""


def load_cases(spec: EvaluationSpec) -> list[Case]:
    """The cases of the spec's file, with what their rows bring. Raises EngineError("Data") when there is none."""
    return with_own(read_cases(spec.rows, spec.system_prompt, spec.limit, spec.seed), spec.rows)


def read_cases(file: Path, system_prompt: str, limit: int | None, seed: int) -> list[Case]:
    """The rows of a file that have a prompt and an answer, in file order; a seeded sample under a limit.

    Raises EngineError("Data") when there is none.
    """
    rows = [
        row
        for row in load(file, system_prompt, skip_unusable=True)
        if row.example.prompt_messages and row.example.answer
    ]
    if not rows:
        raise EngineError(
            "Data",
            f"{file.name} has no row with a prompt and an answer.",
            "Evaluate on chat, prompt/completion or instruction rows: there is nothing to compare with otherwise.",
        )
    if limit is not None and limit < len(rows):
        rows = [rows[i] for i in sorted(random.Random(seed).sample(range(len(rows)), limit))]
    return [
        Case(
            position,
            row.row_id,
            row.line,
            tuple(row.example.prompt_messages),
            row.example.answer,
            row.example.tools,
        )
        for position, row in enumerate(rows)
    ]


# fact → columns it is read from, the first that a row has: what a row brings for its answer to be judged by.
OWN: dict[str, tuple[str, ...]] = {
    "schema": ("schema", "json_schema"),
    "gold_document": ("gold_document", "document_name", "document"),
    "gold_passage": ("gold_passage", "passage", "evidence"),
}


def with_own(cases: list[Case], file: Path) -> list[Case]:
    """The cases, their facts holding schema, tools and gold passage or document where their rows have them."""
    lines = {case.line for case in cases}
    own: dict[int, dict[str, Any]] = {}
    for record in Reader(file):
        if isinstance(record, Record) and record.line in lines:
            read = {fact: _read(fact, record.row, columns) for fact, columns in OWN.items()}
            own[record.line] = {fact: value for fact, value in read.items() if value}
    return [
        replace(case, facts={**case.facts, **own.get(case.line, {}), **({"tools": case.tools} if case.tools else {})})
        for case in cases
    ]


def _read(fact: str, row: dict[str, Any], columns: tuple[str, ...]) -> Any:
    value = next((row[name] for name in columns if row.get(name)), None)
    if fact != "schema":
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    # Rows carry a schema as an object or as its text.
    found = strict_json(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else None


def write_rows(cases: list[Case], path: Path) -> None:
    """Write rows.jsonl, or check that the one of an interrupted run asks the same.

    Raises EngineError("Data") when it does not: answers to other prompts must not be mixed in.
    """
    if path.exists() and path.with_name("outputs.jsonl").exists() and not _asks_the_same(path, cases):
        raise EngineError(
            "Data",
            "The rows to evaluate have changed since this evaluation began.",
            "Start a new evaluation; the answers of this one belong to the old rows.",
        )
    partial = path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(case.to_json()) + "\n" for case in cases))
    partial.replace(path)


def _asks_the_same(path: Path, cases: list[Case]) -> bool:
    """Whether the file asks these rows; what is known of them beside may have changed."""
    written = [json.loads(line) for line in path.read_text().splitlines()]
    return [_question(row) for row in written] == [_question(json.loads(json.dumps(case.to_json()))) for case in cases]


def _question(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "facts"}


def labels_of(cases: list[Case]) -> tuple[str, ...]:
    """The distinct references, most frequent first."""
    return tuple(label for label, _ in Counter(case.reference for case in cases).most_common())


def references_are_json(cases: list[Case]) -> bool:
    parsed = sum(strict_json(case.reference) is not MISSING for case in cases)
    return parsed >= _JSON_SHARE * len(cases)


def given_by(cases: list[Case]) -> list[str]:
    """What the rows carry that some metrics look at: "schema", "tools"."""
    return [fact for fact in ("schema", "tools") if any(getattr(case, fact) is not None for case in cases)]
