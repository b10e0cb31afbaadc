"""Does an answer follow a JSON Schema? Asked in the bounded process only: a pattern in a schema can run for ever.

The dialect is the schema's own ``$schema``, else 2020-12. ``format`` is a note, as the standard has it. A ``$ref``
leads inside the schema; nothing is fetched.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from engine.evaluation.bounded import WorkProblem
from engine.evaluation.metrics.reading import MISSING, strict_json


def complies(schema: Any, text: str) -> bool:
    """Whether the whole text is JSON that the schema accepts. Raises WorkProblem for a schema that is none."""
    value = strict_json(text)
    if value is MISSING:
        return False
    try:
        return bool(_validator(json.dumps(schema, sort_keys=True)).is_valid(value))
    except Unresolvable as problem:
        raise WorkProblem(f"The schema refers to {problem.ref!r}, which it does not hold.") from None


def problem_of(text: str) -> str:
    """What is wrong with a schema given as text, in words; empty when nothing is."""
    try:
        schema = json.loads(text)
    except ValueError as problem:
        return f"the schema is not JSON ({problem})"
    if not isinstance(schema, dict):
        return "a schema is a JSON object"
    try:
        _validator(json.dumps(schema, sort_keys=True))
    except WorkProblem as problem:
        return problem.text
    return ""


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    document = json.loads(schema)
    kind = validator_for(document, default=Draft202012Validator)
    try:
        kind.check_schema(document)
    except SchemaError as problem:
        where = "/".join(map(str, problem.absolute_path)) or "its top"
        raise WorkProblem(f"the schema is wrong at {where}: {problem.message[:200]}") from None
    return kind(document, registry=Registry())
