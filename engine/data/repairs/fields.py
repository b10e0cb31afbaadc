"""What an operation may say: forms, help and validation are derived from these descriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.data.errors import DataError

Kind = Literal[
    "choice",
    "choices",
    "choice_or_whole",
    "switch",
    "whole",
    "share",
    "text",
    "numbers",
    "texts",
    "file",
    "object",
    "objects",
    "exceptions",
]


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` is the key in the operation. ``choices`` are (value, label); ``why`` is one line of help. A ``file``
    holds a key of the files that go with the operation, never a path. An operation must have a field that is
    ``needed``; another may be left out, and then ``default`` counts. ``least`` bounds a whole number."""

    name: str
    label: str
    kind: Kind
    default: Any
    why: str
    choices: tuple[tuple[Any, str], ...] = ()
    needed: bool = False
    least: int = 0

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {
            "choices": [list(choice) for choice in self.choices]
        }


EXCEPT = Field(
    "except",
    "Rows left alone",
    "exceptions",
    {},
    "For a finding the numbers of the rows in which somebody said that it is fine: it is not mended there.",
)
"""A repair with this field also has ``codes(operation)``, the findings that the operation mends."""


def exceptions(operation: dict[str, Any], code: str) -> frozenset[int]:
    """Numbers of the rows in which the finding ``code`` is left alone."""
    return frozenset(operation["except"].get(code, ()))


def switched_off(operation: dict[str, Any], switches: Mapping[str, tuple[str, ...]]) -> dict[int, dict[str, Any]]:
    """Row number → the operation as it is to be for that row: without the switches (switch → the findings it mends)
    one of whose findings is fine there. Rows that are not named are mended by the operation as it stands."""
    found: dict[int, dict[str, Any]] = {}
    for switch, codes in switches.items():
        for number in set().union(*(exceptions(operation, code) for code in codes)):
            found[number] = found.get(number, operation) | {switch: False}
    return found


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "switch": (lambda value: type(value) is bool, "true or false"),
    "whole": (lambda value: type(value) is int, "a whole number"),
    "share": (lambda value: type(value) in (int, float) and 0 < value < 1, "a share between 0 and 1"),
    "text": (lambda value: type(value) is str, "text"),
    "numbers": (lambda value: _all(value, int), "a list of whole numbers"),
    "texts": (lambda value: _all(value, str), "a list of texts"),
    "choices": (lambda value: isinstance(value, list), "a list"),
    "file": (lambda value: type(value) is str and bool(value), "the key of a file"),
    "object": (lambda value: isinstance(value, dict), "an object"),
    "objects": (lambda value: _all(value, dict), "a list of objects"),
    "exceptions": (
        lambda value: isinstance(value, dict) and all(_all(rows, int) for rows in value.values()),
        "an object with a list of row numbers for each finding",
    ),
}


def check_fields(title: str, fields: tuple[Field, ...], operation: dict[str, Any]) -> None:
    """Raises DataError that names the first field that is unknown, missing or not of its kind."""
    known = {field.name: field for field in fields}
    for name in operation:
        if name != "op" and name not in known:
            raise DataError(f"{title}: there is no field {name[:40]!r}.", f"Use {', '.join(known) or 'none'}.")
    for field in fields:
        if field.name in operation:
            _check_value(f"{title}: {field.name!r}", field, operation[field.name])
        elif field.needed:
            raise DataError(f"{title}: {field.name!r} is missing.", field.why)


def _check_value(where: str, field: Field, value: Any) -> None:
    if value is None and field.default is None and not field.needed:
        return
    values = [choice for choice, _ in field.choices]
    offered = f"Use one of: {', '.join(str(choice) for choice in values)}."
    if field.kind == "choice" or (field.kind == "choice_or_whole" and type(value) is not int):
        if value not in values:
            raise DataError(f"{where} cannot be {str(value)[:40]!r}.", offered)
        return
    kind = "whole" if field.kind == "choice_or_whole" else field.kind
    fits, wanted = _KINDS[kind]
    if not fits(value):
        raise DataError(f"{where} is not {wanted}.", field.why)
    if kind == "whole" and value < field.least:
        raise DataError(f"{where} is less than {field.least}.", f"Give {field.least} or more.")
    if field.kind == "choices" and (unknown := [item for item in value if item not in values]):
        raise DataError(f"{where} does not know {str(unknown[0])[:40]!r}.", offered)
