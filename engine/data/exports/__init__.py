"""The table of forms in which rows go out: each is one file with TITLE, ABOUT and ``row(example)``; a form that is not
JSON Lines also has HEAD, the first line, and ``write(row)``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from engine.data.example import Example

FORMS: dict[str, str] = {
    "openai": "engine.data.exports.openai",
    "sharegpt": "engine.data.exports.sharegpt",
    "alpaca": "engine.data.exports.alpaca",
    "trl": "engine.data.exports.trl",
    "csv": "engine.data.exports.csv",
}


class Form(Protocol):
    TITLE: str
    ABOUT: str

    def row(self, example: Example) -> dict[str, Any]: ...


@cache
def load(name: str) -> Form:
    """The module of a form. Raises KeyError for a name that is not in the table."""
    return cast(Form, import_module(FORMS[name]))
