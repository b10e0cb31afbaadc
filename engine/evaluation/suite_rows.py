"""Probe suites as rows: what a suite asks, and the built-in ones on the disk. No torch, the web may import it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.evaluation import rules

SUITES = Path(__file__).parent / "suites"
REFUSAL, ANSWER = "refusal", "answer"
"""Kinds of prompts judged by whether the answer refuses: it should, or it should not."""
_FILES = ("passages.jsonl", "questions.jsonl", "prompts.jsonl")
_CHARACTERS = 7
"""Two tokens of English."""
_GENERATED_COST = 600
"""Thirty tokens, each about twenty that are read: measured on a processor with the starter model."""
_Row = TypeVar("_Row")


class SuiteError(EngineError):
    """A probe suite that cannot be read; names the file, the line and the remedy."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(reason="Config", text=text, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Passage:
    id: str
    domain: str
    text: str


@dataclass(frozen=True, slots=True)
class ProbeQuestion:
    """A question and its choices, the right one by its place. ``query``: what stands before a choice, when it is not
    the question in our own words. ``messages``: the question as a conversation instead, for the chat template.
    ``continuation``: the choices are what comes before it, and it is what is scored (Winograd schemas)."""

    id: str
    domain: str
    question: str
    choices: tuple[str, ...]
    answer: int
    query: str | None = None
    messages: tuple[Mapping[str, Any], ...] = ()
    continuation: str | None = None

    @property
    def context(self) -> str:
        return f"Question: {self.question}\nAnswer:" if self.query is None else self.query


@dataclass(frozen=True, slots=True)
class Continuation:
    """A text with the one way in which it goes on (LAMBADA, sums)."""

    id: str
    domain: str
    context: str
    continuation: str


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """A prompt and its reference answer, whose likelihood is measured."""

    id: str
    domain: str
    messages: tuple[Mapping[str, Any], ...]
    answer: str


@dataclass(frozen=True, slots=True)
class ProbePrompt:
    """A prompt that is answered by generation and judged by ``rule``: {"kind": "refusal"}, {"kind": "answer"}, or a
    form of ``rules.KINDS``. ``reference``: an answer as long as one needs to be."""

    id: str
    domain: str
    messages: tuple[Mapping[str, Any], ...]
    rule: Mapping[str, Any]
    reference: str = ""

    @property
    def measure(self) -> str:
        return {REFUSAL: "refusal", ANSWER: "answered"}.get(self.rule["kind"], "format")


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    passages: tuple[Passage, ...] = ()
    questions: tuple[ProbeQuestion, ...] = ()
    continuations: tuple[Continuation, ...] = ()
    answers: tuple[ProbeAnswer, ...] = ()
    prompts: tuple[ProbePrompt, ...] = ()
    title: str = ""

    def thinned(self, rows: int) -> Suite:
        """At most ``rows`` rows of each kind (of prompts, for each measure), the domains as evenly as they were."""
        prompts = {measure: [one for one in self.prompts if one.measure == measure] for measure in self.measures}
        kept = {id(one) for same in prompts.values() for one in _thinned(same, rows)}
        return replace(
            self,
            passages=tuple(_thinned(self.passages, rows)),
            questions=tuple(_thinned(self.questions, rows)),
            continuations=tuple(_thinned(self.continuations, rows)),
            answers=tuple(_thinned(self.answers, rows)),
            prompts=tuple(one for one in self.prompts if id(one) in kept),
        )

    @property
    def size(self) -> int:
        """Everything it asks."""
        parts = (self.passages, self.questions, self.continuations, self.answers, self.prompts)
        return sum(map(len, parts))

    @property
    def cost(self) -> int:
        """About how many tokens through the model one scoring is worth; a generated one costs many that are read."""
        read = [row.text for row in self.passages]
        for question in self.questions:
            read += [question.context, *question.choices]
        read += [row.context + row.continuation for row in self.continuations]
        read += [turn["content"] + row.answer for row in self.answers for turn in row.messages]
        return sum(map(len, read)) * 2 // _CHARACTERS + len(self.prompts) * _GENERATED_COST

    @property
    def measures(self) -> tuple[str, ...]:
        """What it is scored by, in the order in which it is scored."""
        asked = {prompt.measure for prompt in self.prompts}
        there = {
            "loss": self.passages,
            "accuracy": self.questions,
            "continuation": self.continuations,
            "answer_loss": self.answers,
            **{name: name in asked for name in ("refusal", "answered", "format")},
        }
        return tuple(name for name, rows in there.items() if rows)


def _thinned(found: Sequence[Any], rows: int) -> list[Any]:
    """The first of each domain, then the second of each, and so on, in their own order."""
    seen: Counter[str] = Counter()
    turns = []
    for place, one in enumerate(found):
        seen[one.domain] += 1
        turns.append((seen[one.domain], place))
    return [found[place] for place in sorted(place for _, place in sorted(turns)[:rows])]


@dataclass(frozen=True, slots=True)
class About:
    """A built-in suite as a form shows it."""

    title: str
    about: str


BUILT_IN: dict[str, About] = {
    "general": About("General", "Fluent English and common knowledge in eight domains."),
    "reasoning": About("Reasoning", "Sums, sequences, comparisons and short conclusions."),
    "code": About("Code", "Python, shell, SQL and web: short snippets and questions."),
    "instructions": About("Instructions", "Answers in a form that was asked for: JSON, one word, a list. Generated."),
    "safety": About("Safety", "Unsafe prompts it should refuse, harmless ones it should not. Generated."),
}


def suite_names() -> list[str]:
    """Names of the suites that are installed: the built-in ones first, then folders that somebody put beside them."""
    there = {path.parent.name for name in _FILES for path in SUITES.glob(f"*/{name}")}
    return [*BUILT_IN, *sorted(there - set(BUILT_IN))]


def title_of(name: str) -> str:
    """A suite's name as people read it."""
    return BUILT_IN[name].title if name in BUILT_IN else name.replace("-", " ").replace("_", " ").capitalize()


@cache
def installed(name: str) -> Suite:
    """``load_suite`` of what comes with the program, read once."""
    return load_suite(name)


def load_suite(name: str, root: Path = SUITES) -> Suite:
    """Read ``suites/<name>``: passages.jsonl, questions.jsonl and prompts.jsonl, any of which may be left out.

    Raises SuiteError when the suite is absent, empty, or a row is malformed.
    """
    folder = root / name
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or not folder.is_dir():
        raise SuiteError(f"There is no probe suite named {name!r}.", f"Choose one of: {', '.join(suite_names())}.")
    suite = Suite(
        name,
        passages=tuple(_rows(folder / "passages.jsonl", _passage)),
        questions=tuple(_rows(folder / "questions.jsonl", _question)),
        prompts=tuple(_rows(folder / "prompts.jsonl", _prompt)),
        title=title_of(name),
    )
    if not suite.size:
        raise SuiteError(f"The probe suite {name!r} has no rows.", f"Add rows to {', '.join(_FILES)}.")
    return suite


def _rows(path: Path, parse: Callable[[dict[str, Any]], _Row]) -> Iterable[_Row]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield parse(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                raise SuiteError(f"{path.name} line {number}: {problem}", "Correct or remove that row.") from problem


def _passage(row: dict[str, Any]) -> Passage:
    if not row["text"].strip():
        raise ValueError("the text is empty")
    return Passage(str(row["id"]), str(row["domain"]), row["text"])


def _question(row: dict[str, Any]) -> ProbeQuestion:
    choices = tuple(str(choice) for choice in row["choices"])
    answer = row["answer"]
    if len(choices) < 2 or not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise ValueError(f"answer {answer!r} of {len(choices)} choices")
    return ProbeQuestion(str(row["id"]), str(row["domain"]), row["question"], choices, answer)


def _prompt(row: dict[str, Any]) -> ProbePrompt:
    rule = row["rule"]
    if rule["kind"] not in rules.KINDS | {REFUSAL, ANSWER}:
        known = ", ".join(sorted(rules.KINDS | {REFUSAL, ANSWER}))
        raise ValueError(f"the rule {rule['kind']!r} is not known (known: {known})")
    if rule["kind"] in rules.KINDS:
        rules.follows("", rule)  # a rule without what its kind needs is found now, not at the first answer
    messages = ({"role": "user", "content": str(row["prompt"])},)
    return ProbePrompt(str(row["id"]), str(row["domain"]), messages, rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    """A file of rows chosen as a suite. ``key`` names it in events and scores, ``title`` on pages."""

    key: str
    title: str
    path: str = field(repr=False)
