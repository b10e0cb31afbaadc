"""Raw text for continued pre-training."""

from __future__ import annotations

import re
from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.formats.turns import empty_answer, need_text

NAME = "text"
TITLE = "Raw text"
COLUMNS = "text"

# Columns that raw text has beside it. Any other one, alone and short, may as well be the class of the text.
_NUMBERS_ROWS = ("id", "_id", "idx", "index", "uid", "uuid", "guid", "row_id", "doc_id", "document_id", "split")
_ABOUT_TEXT = re.compile(
    r"sources?|ur[li]|domain|title|name|file(?:_?name)?|path|author|publisher|publication|licen[cs]e|heading|headline|section|page|chapter"
    r"|book|year|time(?:stamp)?|date|created|added|lang(?:uage)?|meta(?:data)?|(?:n_|num_)?tokens|token_count|length|chars|words"
    r"|perplexity|dataset|subset|config|dump|hash|sha256|md5|other"
)
_LONGEST_CLASS = 64


def recognise(row: dict[str, Any]) -> bool:
    return "text" in row


def to_example(row: dict[str, Any]) -> Example:
    text = need_text(row, "text")
    if not text.strip():
        raise empty_answer("text")
    if len(row) > 1 and (column := _maybe_class(row)):
        found = (
            f"Beside 'text' stands {column[:40]!r} alone ({str(row[column])[:40]!r}): raw text, or a class to learn?"
        )
        remedy = "Name it 'label' if it is the class of the text; if it is not, read the file as raw text by a mapping."
        raise RowProblem("unknown_shape", found, remedy)
    return Example(NAME, text=text)


def _maybe_class(row: dict[str, Any]) -> str:
    """The one column beside the text whose values could be classes; nothing where there are several or none."""
    others = [name for name in row if name != "text" and name.casefold() not in _NUMBERS_ROWS]
    if len(others) != 1 or _ABOUT_TEXT.fullmatch(others[0].casefold()):
        return ""
    value = row[others[0]]
    is_class = type(value) in (int, bool) or (
        type(value) is str and 0 < len(value) <= _LONGEST_CLASS and "\n" not in value
    )
    return others[0] if is_class else ""
