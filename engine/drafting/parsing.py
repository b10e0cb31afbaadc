"""A teacher's answer as candidate rows. What cannot be used is kept with the reason, never guessed at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.seen import content
from engine.drafting.seeds import Seed

# The mark of a drafted row, in the row itself.
SOURCE, SYNTHETIC = "source", "synthetic"
MOST_ROWS, MOST_FAILURES, RAW_KEPT = 100, 20, 4000
_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


class Candidate(msgspec.Struct, frozen=True):
    """``row`` and ``example`` when it could be read; else ``problem`` says why, and ``raw`` is what there was."""

    row: dict[str, Any] | None
    example: Example | None = None
    problem: str = ""
    raw: str = ""


def rows_of(text: str, seeds: list[Seed]) -> list[Candidate]:
    """Every JSON object in the answer as a row of the seeds' shape. At least one candidate, be it an unusable one."""
    found = [_as_row(item, seeds) for item in _objects(_THINKING.sub("", text))]
    return found or [unusable("There is no JSON object in the answer.", text)]


def answer_of(text: str, seed: Seed) -> Candidate:
    """The seed's prompt with the teacher's answer."""
    answer = _THINKING.sub("", text).strip()
    if not answer:
        return unusable("The answer is empty.", text)
    row = _with_answer(seed, answer)
    if row is None:
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in seed.example.prompt_messages]
        row = {"messages": [*turns, {"role": "assistant", "content": answer}]}
    return _checked(row, text)


def unusable(problem: str, raw: str) -> Candidate:
    return Candidate(None, None, problem, raw[:RAW_KEPT])


def read_row(row: dict[str, Any]) -> Candidate:
    """A row a person has edited, read again."""
    return _checked(row, json.dumps(row, ensure_ascii=False))


def _objects(text: str) -> Iterator[dict[str, Any] | str]:
    """JSON objects at the top of the answer, alone, one after the other or in a list; texts are what failed."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    start, found, failures = 0, 0, 0
    while found < MOST_ROWS and failures < MOST_FAILURES:
        start = text.find("{", start)
        if start < 0:
            return
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            failures += 1
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            yield text[start:end]
            start = end
            continue
        for item in _inside(value):
            found += 1
            yield item


def _inside(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an object that only wraps a list of them: {"rows": [{…}, …]}."""
    if len(value) == 1:
        (inner,) = value.values()
        rows = isinstance(inner, list) and bool(inner) and all(isinstance(item, dict) for item in inner)
        if rows and not any("role" in item or "from" in item for item in inner):
            return list(inner)
    return [value]


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _as_row(item: dict[str, Any] | str, seeds: list[Seed]) -> Candidate:
    if isinstance(item, str):
        return unusable("The JSON is broken or was cut off.", item)
    known = {column for seed in seeds for column in seed.row}
    raw = json.dumps(item, ensure_ascii=False)
    row = {column: value for column, value in item.items() if column in known}
    missing = sorted(set.intersection(*(set(seed.row) for seed in seeds)) - set(row))
    if missing:
        return unusable(f"The key {missing[0]!r} of the seed rows is missing.", raw)
    made = _checked(row, raw)
    if made.example is not None and made.example.shape != seeds[0].example.shape:
        return unusable(f"It has the shape {made.example.shape}; the seed rows have {seeds[0].example.shape}.", raw)
    return made


def _checked(row: dict[str, Any], raw: str) -> Candidate:
    """The row marked synthetic, if it can be stored and read back as the same example."""
    marked = {**row, SOURCE: SYNTHETIC}
    try:
        orjson.dumps(marked)
        name = detect(row)
        example = to_example(row, name)
        if content(to_example(marked, detect(marked))) != content(example):
            return unusable("The mark of its source would change how it is read.", raw)
    except RowProblem as problem:
        return unusable(problem.found, raw)
    except (TypeError, RecursionError):
        return unusable("It holds characters or numbers that no JSON file can.", raw)
    return Candidate(marked, example)


def _with_answer(seed: Seed, answer: str) -> dict[str, Any] | None:
    """The seed's row with its answer replaced in place: the last text that is the answer. None when no one text is."""
    old = seed.example.answer
    prompt = content(seed.example)[0]
    for path in reversed(list(_texts(seed.row))):
        row = json.loads(json.dumps(seed.row))
        *way, last = path
        place: Any = row
        for step in way:
            place = place[step]
        if place[last] != old:
            continue
        place[last] = answer
        try:
            example = to_example(row, detect(row))
        except RowProblem:
            continue
        if example.answer == answer and content(example)[0] == prompt:
            return dict(row)
    return None


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, (*path, place))
