"""One expression over (prompt, reference, output) in CEL, Google's Common Expression Language (cel-python).

CEL has no loops, no assignment and no way out: an expression reads its three texts and gives a value. Its regular
expressions are RE2's. Evaluated in the bounded process only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from rapidfuzz.distance import Levenshtein

from engine.evaluation.bounded import WorkProblem
from engine.evaluation.metrics.reading import MISSING, lenient_json, normalised
from engine.evaluation.metrics.token_f1 import word_list
from engine.evaluation.own_metrics import MOST_EXPRESSION

MOST_TEXT = 50_000
VARIABLES = ("prompt", "reference", "output")
_MOST_COMPARED = 5000
_INSIDES = re.compile(r"\b[A-Z][a-z]+Type\(['\"]?(.{0,40})[^)]*\)")


def evaluate(expression: str, prompt: str, reference: str, output: str) -> float | bool:
    """The expression's value on one row: a number or a truth. Raises WorkProblem with the place."""
    texts = zip(VARIABLES, (prompt, reference, output), strict=True)
    given = {name: celtypes.StringType(text[:MOST_TEXT]) for name, text in texts}
    try:
        value = _program(expression).evaluate(given)
    except celpy.CELEvalError as problem:
        raise WorkProblem(_words(problem), problem.line, problem.column) from None
    return _number(value)


def problem_of(expression: str) -> None:
    """Raises WorkProblem, with the place, for an expression that cannot be read."""
    _program(expression)


def _number(value: Any) -> float | bool:
    if isinstance(value, celtypes.BoolType | bool):
        return bool(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    kinds = {"StringType": "text", "ListType": "a list", "MapType": "an object", "NoneType": "null"}
    said = kinds.get(type(value).__name__, "text" if isinstance(value, str) else "no finite number")
    raise WorkProblem(f"The expression gives {said}; a metric needs a number, true or false.")


@lru_cache(maxsize=64)
def _program(expression: str) -> Any:
    if not expression.strip():
        raise WorkProblem("The expression is empty.", 1, 1)
    if len(expression) > MOST_EXPRESSION:
        raise WorkProblem(f"The expression has {len(expression)} characters; {MOST_EXPRESSION} are allowed.")
    environment = celpy.Environment()
    try:
        return environment.program(
            environment.compile(expression),
            functions={name: _as_value(function) for name, function in FUNCTIONS.items()},
        )
    except celpy.CELParseError as problem:
        raise WorkProblem("The expression cannot be read here.", problem.line, problem.column) from None


def _as_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """In CEL an error is a value: `false && json(output).a` is false. So a function gives it back."""

    def answering(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except celpy.CELEvalError as problem:
            return problem
        except TypeError:
            return celpy.CELEvalError(f"{function.__name__.strip('_')}() takes other arguments")

    return answering


def _words(problem: Exception) -> str:
    """The library's own text without what it lists of its insides."""
    text = str(problem.args[0] if problem.args else problem)
    inner = problem.args[2] if len(problem.args) > 2 else ()
    if isinstance(inner, tuple) and inner and isinstance(inner[0], str) and text.startswith("return error"):
        text = inner[0]
    return _INSIDES.sub(r"“\1”", text.split(" (in activation")[0])[:300].strip() + "."


def _lower(text: celtypes.StringType) -> celtypes.StringType:
    return celtypes.StringType(_text(text).lower())


def _upper(text: celtypes.StringType) -> celtypes.StringType:
    return celtypes.StringType(_text(text).upper())


def _trim(text: celtypes.StringType) -> celtypes.StringType:
    return celtypes.StringType(_text(text).strip())


def _plain(text: celtypes.StringType) -> celtypes.StringType:
    return celtypes.StringType(normalised(_text(text)))


def _words_of(text: celtypes.StringType) -> celtypes.ListType:
    return celtypes.ListType([celtypes.StringType(word) for word in word_list(_text(text))])


def _lines(text: celtypes.StringType) -> celtypes.ListType:
    return celtypes.ListType([celtypes.StringType(line) for line in _text(text).splitlines()])


def _count(text: celtypes.StringType, part: celtypes.StringType) -> celtypes.IntType:
    return celtypes.IntType(_text(text).count(_text(part)) if part else 0)


def _json(text: celtypes.StringType) -> Any:
    value = lenient_json(_text(text))
    if value is MISSING:
        raise celpy.CELEvalError("json(): there is no JSON object or array in the text")
    return json_to_cel(value)


def _is_json(text: celtypes.StringType) -> celtypes.BoolType:
    return celtypes.BoolType(lenient_json(_text(text)) is not MISSING)


def _similarity(one: celtypes.StringType, other: celtypes.StringType) -> celtypes.DoubleType:
    return celtypes.DoubleType(
        Levenshtein.normalized_similarity(_text(one)[:_MOST_COMPARED], _text(other)[:_MOST_COMPARED])
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise celpy.CELEvalError("text was expected")
    return str(value)


# What an expression may call besides CEL's own functions; docs/metrics.md lists them.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lower": _lower,
    "upper": _upper,
    "trim": _trim,
    "plain": _plain,
    "words": _words_of,
    "lines": _lines,
    "count": _count,
    "json": _json,
    "is_json": _is_json,
    "similarity": _similarity,
}
