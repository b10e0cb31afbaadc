"""JSON Schema: the whole answer is JSON that the row's schema accepts, or else the evaluation's (jsonschema library).

An answer that cannot be checked within a second does not follow its schema; a schema that is none says nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.evaluation.bounded import WorkProblem, shared
from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, strict_json
from engine.training.options import SpecError, check, option

MOST_SCHEMA = 100_000


@dataclass(frozen=True, slots=True)
class Options:
    schema: str = option(
        "",
        label="JSON Schema",
        why="For rows that carry no schema of their own. Empty: those rows do not count.",
        group="Metric",
    )

    def __post_init__(self) -> None:
        check(self, "metric_options.json_schema")
        if self.schema and (problem := why_not(self.schema)):
            raise SpecError("metric_options.json_schema.schema", problem, "Correct the schema.")


DEFAULT = Options()


def score(outcome: Outcome, options: Options = DEFAULT) -> float | None:
    schema = outcome.schema if outcome.schema is not None else _parsed(options.schema)
    if not isinstance(schema, dict | bool):
        return None
    if strict_json(outcome.text) is MISSING:
        return 0.0
    try:
        return float(shared().ask("schema", schema, outcome.text))
    except WorkProblem as problem:
        return 0.0 if problem.bound else None


def why_not(schema: str) -> str:
    """What is wrong with a schema given as text, in words; empty when nothing is."""
    if len(schema) > MOST_SCHEMA:
        return f"the schema has {len(schema)} characters; {MOST_SCHEMA} are allowed"
    try:
        return str(shared().ask("schema_problem", schema))
    except WorkProblem as problem:
        return problem.text


@lru_cache(maxsize=8)
def _parsed(schema: str) -> Any:
    try:
        return json.loads(schema) if schema else None
    except (ValueError, RecursionError):
        return None
