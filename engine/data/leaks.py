"""The rows of a held-out file, by the keys with which training rows are compared to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, AnyStr

from engine.data.book import Book
from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.normalise import PART, coarse, precise
from engine.data.questions import Turn, unanswered
from engine.data.records import Problem, Reader
from engine.data.seen import Seen, joined, see
from engine.data.similar import spoken

USER = f"user{PART}"


class HeldOut:
    """``rows`` and ``prompts``: number of the coarse key → first line. The precise forms are compared on a hit only.
    ``spoken``: line → what its prompt says, or its raw text.

    ``usable`` rows are compared; ``prompts_only`` of them have no answer (most benchmarks), so that only what they
    ask is. A held-out file is held in memory; it is the smaller one (200 bytes a row and its prompts). Raises
    FileRefused.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.rows: dict[int, int] = {}
        self.prompts: dict[int, int] = {}
        self.spoken: dict[int, str] = {}
        self._precise_rows: set[int] = set()
        self._precise_prompts: set[int] = set()
        self.usable = self.prompts_only = self.unusable = 0
        self.first_problem = ""
        for record in Reader(path):
            if isinstance(record, Problem):
                self._pass_over(record.line, record.found)
                continue
            try:
                name = detect(record.row)
                self._add(see(record.number, record.line, name, to_example(record.row, name)))
            except RowProblem as problem:
                questions = unanswered(record.row)
                if questions:
                    self.usable += 1
                    self.prompts_only += 1
                    self._add_questions(record.line, questions)
                else:
                    self._pass_over(record.line, problem.found)

    def why_not(self) -> str:
        """Why nothing could be compared, in words; nothing when something was."""
        if self.usable:
            return ""
        if not self.unusable:
            return "the held-out file holds no rows"
        return f"none of the {_rows(self.unusable)} could be read ({self.first_problem})"

    def prompt_line(self, seen: Seen) -> int | None:
        """The line of the held-out row that asks what ``seen`` asks; None when no one does."""
        keys = _questions(seen.prompt_key, seen.answer_key, USER.encode(), PART.encode())
        for place, key in enumerate(keys):
            if (line := self.prompts.get(hash(key))) is not None:
                text = _questions(seen.prompt, seen.answer, USER, PART)[place]
                return line if hash(precise(text)) in self._precise_prompts else None
        return None

    def same_row(self, seen: Seen) -> bool:
        return _precise_row(seen) in self._precise_rows

    def _pass_over(self, line: int, found: str) -> None:
        self.unusable += 1
        self.first_problem = self.first_problem or f"line {line}: {found.rstrip('.')}"

    def _add(self, seen: Seen) -> None:
        self.usable += 1
        self.rows.setdefault(seen.same, seen.line)
        self._precise_rows.add(_precise_row(seen))
        turns = _unfinished(seen.example)
        if turns:
            self._add_questions(seen.line, [turns])
        else:
            self._add_prompt(seen.line, _questions(seen.prompt, seen.answer, USER, PART)[0])
        self.spoken[seen.line] = spoken(seen.prompt, "" if seen.prompt_key else seen.answer, "")

    def _add_questions(self, line: int, questions: list[list[Turn]]) -> None:
        said = [PART.join(f"{role}{PART}{text}" for role, text in turns) for turns in questions]
        for text in said:
            self._add_prompt(line, _questions(text, "", USER, PART)[0])
        self.spoken[line] = " ".join(spoken(text, "", "") for text in said)

    def _add_prompt(self, line: int, text: str) -> None:
        self.prompts.setdefault(hash(coarse(text)), line)
        self._precise_prompts.add(hash(precise(text)))


def _questions(prompt: AnyStr, answer: AnyStr, user: AnyStr, part: AnyStr) -> tuple[AnyStr, ...]:
    """What a row asks, as comparable text: its turns from the first by the user on (a system turn or tools before it
    make a question no other), then that turn alone. Raw text stands for a question."""
    if not prompt:
        return (user + answer,)
    if prompt.startswith(user):
        start = 0
    elif (found := prompt.find(part + user)) >= 0:
        start = found + len(part)
    else:
        return (prompt,)
    end = prompt.find(part, start + len(user))
    return (prompt[start:],) if end < 0 else (prompt[start:], prompt[start:end])


def _unfinished(example: Example) -> list[Turn]:
    """The turns of a conversation that ends with a question."""
    messages = example.messages
    if not messages or messages[-1]["role"] != "user":
        return []
    return [(str(turn["role"]), str(turn["content"])) for turn in messages]


def _precise_row(seen: Seen) -> int:
    return hash(precise(joined(seen.prompt, seen.answer, seen.rest)))


def say(measures: Mapping[str, Mapping[str, Any]], held: HeldOut | None, book: Book) -> None:
    """How it was compared; or, where nothing could be, why not."""
    why_not = held.why_not() if held is not None else "no held-out data was given"
    if why_not:
        book.pass_over(measures, why_not)
        return
    assert held is not None
    more = f"; {_rows(held.unusable)} that could not be read" if held.unusable else ""
    book.say({code: {**said, "cannot_see": f"{said['cannot_see']}{more}"} for code, said in measures.items()})


def _rows(count: int) -> str:
    return f"{count:,} held-out row{'s' if count > 1 else ''}"


def document(held: HeldOut) -> dict[str, Any]:
    """What the audit says of the file (``test`` in its document)."""
    counts = {"usable": held.usable, "prompts_only": held.prompts_only, "unusable": held.unusable}
    return {"name": held.name, **counts, "why_not": held.why_not()}
