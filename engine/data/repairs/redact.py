"""Replace personal data and secrets by placeholders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from engine.data.beside import beside
from engine.data.budget import chunks
from engine.data.errors import DataError, RowProblem
from engine.data.formats import detect, to_example
from engine.data.mask import EMAIL
from engine.data.names import Find, finder
from engine.data.personal import personal_numbers
from engine.data.repairs.context import Context, Item
from engine.data.repairs.fields import EXCEPT, Field, exceptions
from engine.data.rewrite import rewrite
from engine.data.secrets import secrets
from engine.data.seen import content

TITLE = "Redact personal data"
ABOUT = "Puts a placeholder such as [EMAIL] where an address, a number or a key stands. Keys of the rows stay."

# kind → (what it is, the placeholder, the finding it mends)
KINDS: dict[str, tuple[str, str, str]] = {
    "secret": ("Secrets and keys", "[SECRET]", "secret"),
    "email": ("E-mail addresses", "[EMAIL]", "pii_email"),
    "iban": ("Bank account numbers (IBAN)", "[IBAN]", "pii_iban"),
    "card": ("Payment card numbers", "[CARD]", "pii_card"),
    "ssn": ("Social security numbers", "[SSN]", "pii_ssn"),
    "ip": ("IP addresses", "[IP]", "pii_ip"),
    "phone": ("Telephone numbers", "[PHONE]", "pii_phone"),
    "postal": ("Postal addresses", "[ADDRESS]", "postal_address"),
    "name": ("Names of persons (slow)", "[NAME]", "pii_name"),
}
FIELDS = (
    Field(
        "kinds",
        "What to redact",
        "choices",
        [kind for kind in KINDS if kind != "name"],
        "A model can give back what it was trained on; leave out what is public and meant. Names take a model.",
        tuple((kind, about[0]) for kind, about in KINDS.items()),
    ),
    EXCEPT,
)
# What a placeholder leaves bare can be found in turn (digits that now stand beside a word such as phone).
_ROUNDS = 20
_KEY = re.compile(r"(?<!-)-*BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-*.*?(?:-+END [A-Z0-9 ]*-*|\Z)", re.DOTALL)
_SHORT = 8
_LEAST = 6  # characters of the shortest address, a@b.cd
NAME_CHARACTERS = 1000

Hits = list[tuple[str, str]]  # (kind, the value as it stands)


def check(operation: dict[str, Any]) -> None:
    if not operation.get("kinds", True):
        raise DataError("Redact: no kind is chosen.", "Choose what to redact.")


def codes(operation: dict[str, Any]) -> tuple[str, ...]:
    return tuple(KINDS[kind][2] for kind in operation["kinds"])


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    return context.with_findings(codes(operation))


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    """Raises DataError when names are asked for and nothing that finds them is installed."""
    kinds = frozenset(operation["kinds"])
    fewer = _fewer(operation)
    if "name" not in kinds:
        return lambda item: [redact(item.row, fewer.get(item.number, kinds))]
    found = finder()
    if found is None:
        raise DataError("Redact: no package that finds names is installed.", "Install one, or leave names out.")

    def changed(item: Item) -> list[dict[str, Any]]:
        wanted = fewer.get(item.number, kinds)
        row = rewrite(item.row, partial(without_names, found.find)) if "name" in wanted else item.row
        return [redact(row, wanted)]

    return changed


def _fewer(operation: dict[str, Any]) -> dict[int, frozenset[str]]:
    """Row number → the kinds to redact there, for rows in which some are fine."""
    found: dict[int, frozenset[str]] = {}
    for kind in operation["kinds"]:
        for number in exceptions(operation, KINDS[kind][2]):
            found[number] = found.get(number, frozenset(operation["kinds"])) - {kind}
    return found


def without_names(find: Find, text: str) -> str:
    """The text with a placeholder for each name, looked for in pieces that such a model reads whole."""
    if not any(map(str.isupper, text)):
        return text
    pieces = list(chunks(text, lambda piece: len(piece) <= NAME_CHARACTERS, None, NAME_CHARACTERS))
    names = {name for found in find(pieces) for name in found if name not in KINDS["name"][1]}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", KINDS["name"][1], text)
    return text


def redact(row: dict[str, Any], kinds: frozenset[str]) -> dict[str, Any]:
    """The row with every value of these kinds replaced. It is then looked at as the audit does, all its turns in one
    text: a word in one turn can announce the number in the next, and a tool's argument may be a bare number."""
    row = rewrite(row, lambda text: redact_text(text, kinds))
    for _ in range(_ROUNDS):
        hits = find(_as_audited(row), kinds)
        if not hits:
            break
        before = row
        row = rewrite(row, partial(_replace, hits), partial(_replace_number, hits))
        if row is before:
            break
    return row


def redact_text(text: str, kinds: frozenset[str]) -> str:
    """One text, until nothing of these kinds is found in it."""
    for _ in range(_ROUNDS):
        hits = find(text, kinds)
        if not hits:
            break
        text = _replace(hits, text)
    return text


def find(text: str, kinds: frozenset[str]) -> Hits:
    """Every value of these kinds. Secrets first: the password of a URL may look like part of an address."""
    hits: Hits = []
    if len(text) < _LEAST:
        return hits
    if "secret" in kinds:
        hits += [(f"secret:{title}", value) for title, value in secrets(text)]
    codes = {KINDS[kind][2]: kind for kind in kinds}
    hits += [(codes[code], text[start:end]) for code, start, end in personal_numbers(text) if code in codes]
    if "email" in kinds and "@" in text:
        hits += [("email", value) for value in EMAIL.findall(text)]
    return hits


def _replace(hits: Hits, text: str) -> str:
    # The longest first: one number may be the start of another.
    for kind, value in sorted(hits, key=lambda hit: (not hit[0].startswith("secret"), -len(hit[1]))):
        name, _, title = kind.partition(":")
        placeholder = KINDS[name][1]
        if title == "private key":
            text = _KEY.sub(placeholder, text)
        elif title == "password in a URL" and len(value) < _SHORT:
            text = text.replace(f":{value}@", f":{placeholder}@")  # the same letters may stand anywhere
            continue
        text = text.replace(value, placeholder)
    return text


def _replace_number(hits: Hits, number: int | float) -> Any:
    written = str(number)
    return next((KINDS[kind.partition(":")[0]][1] for kind, value in hits if value == written), number)


def _as_audited(row: dict[str, Any]) -> str:
    try:
        name = detect(row)
        return "\n".join((*content(to_example(row, name)), beside(row, name)))
    except RowProblem:
        return ""
