"""The two long choices of the launch form, kept calm: what fits first, the rest folded, what cannot combine greyed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.forms import BoundField

from engine.adapters.table import ADAPTERS
from engine.methods.table import METHODS, Method, refusal


@dataclass(frozen=True, slots=True)
class Kind:
    """``reason``: why it does not go with the method that is chosen."""

    name: str
    key: str
    label: str
    when: str
    checked: bool
    reason: str = ""

    @property
    def html_id(self) -> str:
        """By key, not by place: the focus stays on it when the order changes."""
        return f"id_{self.name}_{self.key}"

    @property
    def disabled(self) -> bool:
        """What is chosen is sent all the same: then the form says what is wrong with it."""
        return bool(self.reason) and not self.checked


@dataclass(frozen=True, slots=True)
class Kinds:
    """``rest`` are folded under ``title``, open when the chosen one is among them."""

    field: BoundField
    first: tuple[Kind, ...]
    rest: tuple[Kind, ...]
    title: str

    @property
    def is_open(self) -> bool:
        return any(kind.checked for kind in self.rest)


def method_kinds(field: BoundField, shapes: Collection[str]) -> Kinds:
    """Methods that train on rows of all these shapes, those made for them first; all of them when none is known."""
    chosen = str(field.value() or "")
    fitting = [method for method in METHODS.values() if set(shapes) <= set(method.data_shapes)]
    fitting.sort(key=lambda method: _made_for(method, shapes))

    def kind(method: Method) -> Kind:
        return Kind("method", method.key, method.label, method.when, method.key == chosen)

    rest = [method for method in METHODS.values() if method not in fitting]
    return Kinds(
        field, tuple(map(kind, fitting)), tuple(map(kind, rest)), _counted(len(rest), "for rows of other shapes")
    )


def adapter_kinds(field: BoundField, method: str) -> Kinds:
    """The usual ones, and the rest."""
    chosen = str(field.value() or "")
    kinds = {
        row.key: Kind("adapter", row.key, row.label, row.when, row.key == chosen, refusal(method, row.key))
        for row in ADAPTERS.values()
    }
    first = tuple(kind for key, kind in kinds.items() if ADAPTERS[key].usual)
    rest = tuple(kind for key, kind in kinds.items() if not ADAPTERS[key].usual)
    return Kinds(field, first, rest, _counted(len(rest), "for particular cases"))


def _made_for(method: Method, shapes: Collection[str]) -> int:
    """The place of the shape it takes least naturally."""
    return max((method.data_shapes.index(shape) for shape in shapes), default=0)


def _counted(count: int, words: str) -> str:
    return f"{count} more, {words}"
