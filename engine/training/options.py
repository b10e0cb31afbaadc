"""Options as dataclasses: one declaration a field, from which form, help, validation and JSON are derived.

A default stands in exactly one place: the dataclass. No torch here; the web derives its form from this.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from engine.errors import EngineError

Kind = Literal["bool", "int", "float", "choice", "text"]
Choice = tuple[str, str]
_Options = TypeVar("_Options")
_KINDS: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}


class SpecError(EngineError):
    """A configuration that cannot be run. ``field`` is the dotted name ("training.learning_rate")."""

    def __init__(self, field: str, found: str, remedy: str) -> None:
        super().__init__("Config", f"{field}: {found}", remedy)
        self.field = field
        self.found = found


@dataclass(frozen=True, slots=True)
class OptionField:
    """What a form needs to know of one option. ``optional`` means empty is allowed and stands for "automatic"."""

    name: str
    kind: Kind
    default: Any
    label: str
    why: str
    group: str
    level: Literal["simple", "advanced"]
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Choice, ...] = ()
    optional: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def option(
    default: Any,
    *,
    label: str,
    why: str,
    group: str,
    level: Literal["simple", "advanced"] = "advanced",
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Choice, ...] = (),
) -> Any:
    """Declares a dataclass field. ``minimum`` and ``maximum`` are inclusive, of a text ``maximum`` is its length;
    ``choices`` are (value, label) pairs."""
    facts = {
        "label": label,
        "why": why,
        "group": group,
        "level": level,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
    }
    return field(default=default, metadata=facts)


def describe(options: type[Any]) -> tuple[OptionField, ...]:
    """The fields of an options dataclass in declaration order."""
    hints = typing.get_type_hints(options)
    return tuple(_describe_one(item, hints[item.name]) for item in fields(options))


def _describe_one(item: Field[Any], hint: Any) -> OptionField:
    optional = isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)
    if optional:
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
    kind: Kind = "choice" if item.metadata["choices"] else _KINDS[hint]
    default = None if item.default is MISSING else item.default
    return OptionField(name=item.name, kind=kind, default=default, optional=optional, **item.metadata)


def check(instance: Any, where: str) -> None:
    """Checks each field of an instance against its declaration. Raises SpecError for the first that is wrong."""
    for item in describe(type(instance)):
        _check_value(item, getattr(instance, item.name), f"{where}.{item.name}")


def _check_value(item: OptionField, value: Any, name: str) -> None:
    if value is None and item.optional:
        return
    if item.kind == "choice":
        known = [choice for choice, _ in item.choices]
        if value not in known:
            raise SpecError(name, f"{value!r} is not one of {', '.join(known)}", f"Choose one of: {', '.join(known)}.")
        return
    if not _has_kind(item.kind, value):
        raise SpecError(name, f"{value!r} is not {_KIND_WORDS[item.kind]}", f"Give {_KIND_WORDS[item.kind]}.")
    if item.kind == "text" and item.maximum is not None and len(value) > item.maximum:
        remedy = f"Give at most {item.maximum:,.0f} characters."
        raise SpecError(name, f"the text has {len(value):,} characters", remedy)
    if item.kind in ("int", "float"):
        _check_range(item, float(value), name)


def _check_range(item: OptionField, value: float, name: str) -> None:
    low, high = item.minimum, item.maximum
    if math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high):
        return
    unit = f" {item.unit}" if item.unit else ""
    if low is not None and high is not None:
        remedy = f"Give a value from {low:g} to {high:g}{unit}."
    elif low is not None:
        remedy = f"Give a value of at least {low:g}{unit}."
    else:
        remedy = "Give a finite number."
    raise SpecError(name, f"{value:g} is out of range", remedy)


_KIND_WORDS: dict[Kind, str] = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "text": "a text",
    "choice": "one of the choices",
}


def _has_kind(kind: Kind, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def parse(options: type[_Options], values: Mapping[str, Any], where: str) -> _Options:
    """Builds an options instance from JSON values; what is absent takes its default.

    Raises SpecError for an unknown name (with the nearest known one), a wrong type or a value out of range.
    """
    known = {item.name: item for item in describe(options)}
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known) or 'none'}."
            raise SpecError(f"{where}.{name}", "unknown option", hint)
        _check_value(known[name], value, f"{where}.{name}")
        kept[name] = float(value) if known[name].kind == "float" and value is not None else value
    return options(**kept)
