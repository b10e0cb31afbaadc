"""Regular expression: the evaluation's pattern, or each row's reference as one.

RE2 (google-re2), which takes time about the length of the text whatever the pattern: no backreferences and no
look-around, and none that runs for ever. A reference that is no pattern says nothing about its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from engine.evaluation.metrics.kinds import Outcome
from engine.training.options import SpecError, check, option

MOST_PATTERN = 2000
_MOST_MEMORY = 8 << 20
_WHERE = (("anywhere", "anywhere in the answer"), ("whole", "the whole answer"))


@dataclass(frozen=True, slots=True)
class Options:
    pattern: str = option(
        "", label="Pattern", why="RE2 syntax. Empty: each row's reference is its pattern.", group="Metric"
    )
    where: str = option("anywhere", label="Where", why="What has to match.", group="Metric", choices=_WHERE)
    ignore_case: bool = option(False, label="Ignore case", why="“Yes” matches “yes”.", group="Metric")

    def __post_init__(self) -> None:
        check(self, "metric_options.regex")
        if self.pattern and (problem := why_not(self.pattern)):
            raise SpecError("metric_options.regex.pattern", problem, "Correct it; RE2 has no look-around, no \\1.")


DEFAULT = Options()


def score(outcome: Outcome, options: Options = DEFAULT) -> float | None:
    pattern = _compiled(options.pattern or outcome.reference, options.ignore_case)
    if pattern is None:
        return None
    text = _encodable(outcome.text)
    found = pattern.fullmatch(text.strip()) if options.where == "whole" else pattern.search(text)
    return float(found is not None)


def why_not(pattern: str) -> str:
    """What is wrong with a pattern, in words; empty when nothing is."""
    if len(pattern) > MOST_PATTERN:
        return f"the pattern has {len(pattern)} characters; {MOST_PATTERN} are allowed"
    try:
        re2.compile(_encodable(pattern), _settings(False))
    except re2.error as problem:
        said = problem.args[0] if problem.args else problem
        return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return ""


@lru_cache(maxsize=256)
def _compiled(pattern: str, ignore_case: bool) -> Any:
    if not pattern or len(pattern) > MOST_PATTERN:
        return None
    try:
        return re2.compile(_encodable(pattern), _settings(ignore_case))
    except re2.error:
        return None


def _settings(ignore_case: bool) -> Any:
    settings = re2.Options()
    settings.max_mem = _MOST_MEMORY
    settings.log_errors = False
    settings.case_sensitive = not ignore_case
    return settings


def _encodable(text: str) -> str:
    """Lone surrogates, which JSON can carry, are no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
