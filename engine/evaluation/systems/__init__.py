"""The kinds of systems under test: one file each, named in one table. Nothing here imports torch: forms read the table.

A kind's file has ``Options`` (a dataclass of engine.training.options) and ``prepare(options, materials)``, which gives
a function from a case to what that system is asked, or to its answer where no model is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from engine.errors import EngineError
from engine.training.options import parse

if TYPE_CHECKING:
    from engine.evaluation.cases import Case
    from engine.evaluation.systems.materials import Materials


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was retrieved: its document's name, its number there from 0, the ranker's score, its words."""

    document: str
    chunk: int
    score: float
    text: str

    def to_json(self) -> dict[str, Any]:
        return {"document": self.document, "chunk": self.chunk, "score": round(self.score, 4), "text": self.text}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a system is asked for one row. ``answer`` is set where the kind answers by itself."""

    messages: tuple[dict[str, Any], ...]
    answer: str | None = None
    retrieved: tuple[Passage, ...] | None = None


Prompting = Callable[["Case"], Asked]


class KindModule(Protocol):
    Options: type[Any]

    def prepare(self, options: Any, materials: Materials) -> Prompting:
        """Raises EngineError where what the kind draws on is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table. ``module`` is loaded on first use."""

    module: str
    label: str
    about: str
    answers: Literal["weights", "endpoint", "rule"]
    asks: tuple[Literal["model", "checkpoint", "endpoint", "training_rows", "documents"], ...] = ()
    """What it cannot do without, beside its options."""
    flatters: bool = False
    """It shows how little a figure may mean; it is never what wins."""


KINDS: dict[str, Kind] = {
    "base": Kind(
        "base",
        "Base model",
        "A registered model with the project's baseline prompt: what a tune has to beat.",
        "weights",
        ("model",),
    ),
    "prompt": Kind(
        "prompt",
        "Another prompt",
        "The same weights with a system prompt of your own: the cheapest thing to try.",
        "weights",
        ("model",),
    ),
    "few_shot": Kind(
        "few_shot",
        "Few-shot",
        "Examples from the split's training rows stand before the question.",
        "weights",
        ("model", "training_rows"),
    ),
    "retrieval": Kind(
        "retrieval",
        "Retrieval",
        "Passages of the project's documents stand before the question.",
        "weights",
        ("model", "documents"),
    ),
    "checkpoint": Kind(
        "checkpoint",
        "Tuned checkpoint",
        "A checkpoint of a training run of this project.",
        "weights",
        ("checkpoint",),
    ),
    "model": Kind(
        "model",
        "Another model",
        "Any other registered model: a larger one shows what is to be had at its cost.",
        "weights",
        ("model",),
    ),
    "endpoint": Kind(
        "endpoint",
        "Endpoint",
        "A model behind an OpenAI-compatible API, asked over the network.",
        "endpoint",
        ("endpoint",),
    ),
    "majority": Kind(
        "majority",
        "Always the commonest answer",
        "Gives the most frequent answer of the training rows to every row.",
        "rule",
        flatters=True,
    ),
    "empty_json": Kind(
        "empty_json",
        "Always {}",
        "Gives an empty JSON object to every row: what a metric of format alone would call perfect.",
        "rule",
        flatters=True,
    ),
    "copy_prompt": Kind(
        "copy_prompt",
        "Copies the question",
        "Gives the question back: what a metric of overlap may take for an answer.",
        "rule",
        flatters=True,
    ),
}


def kind_of(name: str) -> Kind:
    """Raises EngineError("Config") for a kind that is not in the table."""
    if name not in KINDS:
        raise EngineError("Config", f"There is no kind of system {name!r}.", f"Use one of: {', '.join(KINDS)}.")
    return KINDS[name]


@cache
def load(name: str) -> KindModule:
    """The module of a kind; raises EngineError("Config") for one that is not in the table."""
    return cast(KindModule, import_module(f"{__name__}.{kind_of(name).module}"))


def read_options(name: str, values: Mapping[str, Any], where: str) -> Any:
    """The options of a kind from JSON values. Raises SpecError (an EngineError) naming ``where`` and the field."""
    return parse(load(name).Options, values, where)
