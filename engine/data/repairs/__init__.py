"""The table of repairs. Each is one file with TITLE, ABOUT, FIELDS, check(operation) and what it does to rows:

- ``rows(operation, context)`` yields (number, code) of rows to take away, in any order, the code being the reason;
- ``change(operation, context)`` returns a function that is given each row that is left (``Item``) and returns the
  rows it becomes: none, one, several, or ``[item.row]`` when there is nothing to change. ``RESIZES`` is set where it
  may be none or several;
- ``added(operation, context)`` yields (row, source) of rows to add at the end, and ``expected(operation, context)``
  says how many (None: only the whole pass tells);
- ``SHUFFLES`` is set where all rows are then shuffled, by the operation's ``seed``;
- ``lines(operation)`` gives rows that take the place of lines that cannot be read, by number;
- ``where(operation, context)`` yields the numbers of the rows it will touch, as far as the index knows (previews).

Each is left out by a repair that does no such thing. Torch is never imported when a file is loaded: pages read TITLE,
ABOUT and FIELDS. Operations arrive with the default of every field they left out.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from engine.data.errors import DataError
from engine.data.repairs.fields import Field, check_fields

# op → dotted module
REPAIRS: dict[str, str] = {
    "drop": "engine.data.repairs.drop",
    "dedupe": "engine.data.repairs.dedupe",
    "redact": "engine.data.repairs.redact",
    "normalise": "engine.data.repairs.normalise",
    "fix_roles": "engine.data.repairs.fix_roles",
    "shorten": "engine.data.repairs.shorten",
    "resolve": "engine.data.repairs.resolve",
    "balance": "engine.data.repairs.balance",
    "mix": "engine.data.repairs.mix",
    "add": "engine.data.repairs.add",
    "edit": "engine.data.repairs.edit",
    "map": "engine.data.repairs.map",
}
Operation = dict[str, Any]


@cache
def load(op: str) -> ModuleType:
    """The module of a repair. Raises DataError for an operation that is not in the table."""
    if op not in REPAIRS:
        raise DataError(f"There is no repair {op[:40]!r}.", f"Use one of: {', '.join(REPAIRS)}.")
    return import_module(REPAIRS[op])


def check_operations(operations: list[Operation]) -> None:
    """Raises DataError that names the first operation that cannot be carried out."""
    if not operations:
        raise DataError("No repair was asked for.", "Choose at least one.")
    for operation in operations:
        check_operation(operation)


def check_operation(operation: Operation) -> None:
    """Fields first (known, of their kind, there when they must be), then what only this repair knows."""
    repair = load(str(operation.get("op")))
    check_fields(repair.TITLE, repair.FIELDS, operation)
    repair.check(operation)


def settings_of(operation: Operation) -> dict[str, Any]:
    """The operation with the default of every field that it leaves out."""
    fields: tuple[Field, ...] = load(str(operation.get("op"))).FIELDS
    return {field.name: field.default for field in fields} | operation
