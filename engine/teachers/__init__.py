"""Models that answer questions for us: one on this machine, or one behind an OpenAI-compatible endpoint.

Each kind is one file with ``open_teacher(spec, key, stop)``, a context manager that gives a Teacher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from engine.errors import EngineError

# kind → dotted module. A teacher's spec names its kind; the local one imports torch when it is opened.
TEACHERS: dict[str, str] = {
    "model": "engine.teachers.local",
    "endpoint": "engine.teachers.remote",
}
# The environment variable that hands an endpoint's key to a job: it is in no file and on no command line. A job with
# several endpoints has one for each: the name, an underscore, and what its spec calls ``key_of``.
KEY_VARIABLE = "WORKBENCH_ENDPOINT_KEY"


def key_variable(endpoint: dict[str, Any]) -> str:
    """Where the key of this endpoint is, by its spec."""
    return f"{KEY_VARIABLE}_{endpoint['key_of']}" if endpoint.get("key_of") else KEY_VARIABLE


@dataclass(frozen=True, slots=True)
class Question:
    number: int
    messages: list[dict[str, Any]]
    tools: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """``problem`` is set when this question has no answer and others may have one. ``finished`` is False for an
    answer that was cut at the limit of tokens."""

    number: int
    text: str
    finished: bool = True
    tokens_in: int = 0
    tokens_out: int = 0
    problem: str = ""
    seconds: float = 0.0


class Stopped(Exception):
    """The one who asks wants to end."""


class Teacher(Protocol):
    def answers(self, questions: Iterable[Question]) -> Iterator[Reply]:
        """Replies as they come, in any order; questions are drawn as they can be asked. Raises EngineError, Stopped."""
        ...


class Kind(Protocol):
    def open_teacher(
        self, spec: dict[str, Any], key: str, stop: Callable[[], bool]
    ) -> AbstractContextManager[Teacher]: ...


@cache
def load(kind: str) -> Kind:
    """The module of a kind of teacher. Raises EngineError for one that is not in the table."""
    if kind not in TEACHERS:
        raise EngineError("Config", f"There is no teacher of kind {kind!r}.", f"Use one of: {', '.join(TEACHERS)}.")
    return cast(Kind, import_module(TEACHERS[kind]))
