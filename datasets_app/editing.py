"""A row as a form, and what was typed as a row again. What the form has no place for stays in the row as it was."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.http import QueryDict

from datasets_app.models import Audit, DatasetVersion
from engine.data.browse import open_audit
from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.pieces import Piece
from engine.data.records import Problem, Record, json_piece, row_id
from engine.events import plain

# Column of the turns → (key of the speaker, key of the words, who may speak).
TURNS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "messages": ("role", "content", ("system", "user", "assistant", "tool")),
    "conversations": ("from", "value", ("system", "human", "gpt", "function_call", "observation")),
}
MOST_TURNS = 60
MOST_CHARACTERS = 400_000


@dataclass(frozen=True)
class Turn:
    """``origin`` is the turn's place in the row as it was ("" for a new one): what else it holds comes from there.
    ``other`` are the columns beside speaker and words, which the form leaves alone."""

    origin: str
    role: str
    text: str
    other: str = ""


@dataclass
class Editor:
    """A row on its way through the form. ``as_json`` is the other tab; ``problem`` is what is wrong with it, if any.
    ``cells`` are (column, is it text, value) of the row's other columns."""

    row: dict[str, Any]
    cells: list[tuple[str, bool, str]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    column: str = ""
    roles: tuple[str, ...] = ()
    tab: str = "form"
    as_json: str = ""
    found: str = ""
    remedy: str = ""


def record_of(version: DatasetVersion, audit: Audit, number: int) -> Record | None:
    """The row as it stands in the file; None for one that cannot be read. Raises DataError, OSError."""
    with open_audit(version.path, audit.folder) as view:
        found = view.record(number)
    return found if isinstance(found, Record) else None


def line_of(version: DatasetVersion, audit: Audit, number: int) -> str | None:
    """A line that cannot be read as a row, as text; None when there is none, or when it is longer than an edited row
    may be. Bytes that are no UTF-8 show as U+FFFD. Raises DataError, OSError."""
    with open_audit(version.path, audit.folder) as view:
        found = view.record(number)
    if not isinstance(found, Problem) or found.length > MOST_CHARACTERS:
        return None
    with version.path.open("rb") as file:
        file.seek(found.offset)
        raw = file.read(found.length).strip(b"\r\n")
    return raw.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def of_line(text: str) -> Editor:
    """What was typed in the place of a line, judged as a row is; its ``row`` counts when nothing is ``found``."""
    editor = Editor({}, tab="json", as_json=text.replace("\r\n", "\n"))
    row = _parsed(editor, editor.as_json)
    if row is not None:
        editor.row = row
        _judge(editor, row)
    return editor


def opened(row: dict[str, Any]) -> Editor:
    """The form for a row."""
    editor = Editor(row, as_json=pretty(row))
    editor.column = _turn_column(row)
    if editor.column:
        speaker, words, known = TURNS[editor.column]
        turns = row[editor.column]
        said = [str(turn[speaker]) for turn in turns]
        editor.roles = tuple(dict.fromkeys([*known, *said]))
        editor.turns = [_turn(place, turn, speaker, words) for place, turn in enumerate(turns)]
    editor.cells = [
        (name, type(value) is str, value if type(value) is str else orjson.dumps(value).decode())
        for name, value in row.items()
        if name != editor.column
    ]
    return editor


def typed(original: dict[str, Any], data: QueryDict) -> Editor:
    """The form as it was sent, with the row that it makes; ``found`` says what is wrong. Nothing typed is lost."""
    if data.get("tab") == "json":
        editor = opened(original)
        editor.tab, editor.as_json = "json", data.get("json", "").replace("\r\n", "\n")
        row = _parsed(editor, editor.as_json)
    else:
        editor = _typed_form(original, data)
        row = None if editor.found else _made(original, editor)
    if row is not None:
        editor.row = row
        _judge(editor, row)
    return editor


def moved(editor: Editor, data: QueryDict) -> bool:
    """Adds or takes away a turn where a button asked for it; returns whether one did."""
    after, gone = data.get("add", ""), data.get("drop", "")
    if after.isdecimal() and len(editor.turns) < MOST_TURNS:
        place = min(int(after), len(editor.turns))
        speakers = TURNS[editor.column][2] if editor.column else ("", "user", "assistant")
        last = editor.turns[place - 1].role if place else ""
        editor.turns.insert(place, Turn("", speakers[1] if last != speakers[1] else speakers[2], ""))
    elif gone.isdecimal() and int(gone) < len(editor.turns):
        del editor.turns[int(gone)]
    else:
        return False
    editor.found = editor.remedy = ""
    return True


def pretty(row: dict[str, Any]) -> str:
    return orjson.dumps(row, option=orjson.OPT_INDENT_2).decode()


def _turn_column(row: dict[str, Any]) -> str:
    """The column of turns, where the form can show every one of them."""
    for column, (speaker, words, _) in TURNS.items():
        turns = row.get(column)
        if not isinstance(turns, list) or not 0 < len(turns) <= MOST_TURNS:
            continue
        if all(isinstance(turn, dict) and isinstance(turn.get(speaker), str) and _plain(turn, words) for turn in turns):
            return column
    return ""


def _plain(turn: dict[str, Any], words: str) -> bool:
    return isinstance(turn.get(words), str) or (words in turn and turn[words] is None)


def _turn(place: int, turn: dict[str, Any], speaker: str, words: str) -> Turn:
    other = {key: value for key, value in turn.items() if key not in (speaker, words)}
    return Turn(str(place), turn[speaker], turn[words] or "", orjson.dumps(other).decode() if other else "")


def _typed_form(original: dict[str, Any], data: QueryDict) -> Editor:
    editor = opened(original)
    columns = data.getlist("column")
    values = [value.replace("\r\n", "\n") for value in data.getlist("value")]
    given = dict(zip(columns, values, strict=False))
    editor.cells = [(name, is_text, _kept(given.get(name, value), value)) for name, is_text, value in editor.cells]
    if editor.column:
        known = {turn.origin: turn for turn in editor.turns}
        sent = zip(data.getlist("origin"), data.getlist("role"), data.getlist("text"), strict=False)
        editor.turns = [
            Turn(
                origin if origin in known else "",
                role[:60],
                _kept(text.replace("\r\n", "\n"), known[origin].text if origin in known else ""),
                known[origin].other if origin in known else "",
            )
            for origin, role, text in list(sent)[:MOST_TURNS]
        ]
    return editor


def _kept(new: str, old: str) -> str:
    """A browser writes every line end as CRLF: a text that differs in nothing else is the text as it was."""
    return old if new == old.replace("\r\n", "\n") else new


def _made(original: dict[str, Any], editor: Editor) -> dict[str, Any] | None:
    """The row that the form describes; None, with what is wrong said, where a value is no JSON."""
    row = copy.deepcopy(original)
    for name, is_text, value in editor.cells:
        if is_text:
            row[name] = value
            continue
        try:
            row[name] = orjson.loads(value)
        except ValueError:
            editor.found = f"{name[:40]!r} holds no JSON value."
            editor.remedy = "Write a number, true, false, null, a list or an object; text goes between quotes."
            return None
    if editor.column:
        speaker, words, _ = TURNS[editor.column]
        turns = []
        for turn in editor.turns:
            before = copy.deepcopy(original[editor.column][int(turn.origin)]) if turn.origin else {}
            empty = before.get(words) is None and words in before and not turn.text
            turns.append({**before, speaker: turn.role, words: None if empty else turn.text})
        row[editor.column] = turns
    return row


def _parsed(editor: Editor, text: str) -> dict[str, Any] | None:
    """One JSON object, read as strictly as a line of a file."""
    raw = text.strip().encode("utf-8", "replace")
    read = json_piece(Piece(1, 1, 0, len(raw), raw, True))
    if isinstance(read, Record):
        return read.row
    editor.found, editor.remedy = read.found, read.remedy
    return None


def _judge(editor: Editor, row: dict[str, Any]) -> None:
    """What the audit would say about the row."""
    try:
        if len(pretty(row)) > MOST_CHARACTERS:
            raise RowProblem("too_long", "The row is longer than 400,000 characters.", "Shorten it.")
        to_example(row, detect(row))
        if plain(row) != row:  # PostgreSQL keeps none, and the basket is kept there
            raise RowProblem("nul", "The row holds a NUL character (\\u0000).", "Take it out.")
    except RowProblem as problem:
        editor.found, editor.remedy = problem.found, problem.remedy
    except (RecursionError, orjson.JSONEncodeError):
        editor.found, editor.remedy = "The row cannot be written as JSON.", "Look for broken characters in it."


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return row_id(one) == row_id(other)
