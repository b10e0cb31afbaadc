"""The form of a mapping: a shape, and for each of its columns a column of the file or a fixed text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms

from datasets_app import columns, conversations
from engine.data.errors import DataError
from engine.data.guess import guess_columns, guess_format
from engine.data.mapping import (
    NEEDS,
    THUMB,
    Mapping,
    as_text,
    columns_in,
    format_of,
    title_of,
    try_row,
    value_at,
)
from engine.data.mask import mask_text
from engine.data.records import Record

FIXED = "="
SHOWN = 5
MOST_VALUES = 12
# Words that mean a thumb up, for a first guess; what is left over means down.
GOOD = frozenset(
    {"true", "1", "1.0", "yes", "good", "up", "positive", "desirable", "thumbs_up", "accept", "accepted", "chosen"}
)


@dataclass(frozen=True)
class Trial:
    """``fit`` of the ``looked`` first rows can be read; ``rows`` are the first of them as they would be read: line,
    turns, or what is wrong; ``problems`` are the commonest with their counts."""

    looked: int
    fit: int
    rows: list[dict[str, Any]]
    problems: list[tuple[str, int]]


class MappingForm(forms.Form):
    """``data`` may lack what was not chosen yet: the guess stands there. ``mapping`` is None until all that is needed
    is chosen, and then ``found`` says what is missing."""

    format = forms.ChoiceField(label="Read each row as", choices=[(name, title_of(name)) for name in NEEDS])

    def __init__(self, records: list[Record], data: Any = None) -> None:
        self.records = records
        self.rows = [record.row for record in records]
        self.columns = columns_in(self.rows)
        guessed = guess_format(self.columns, self.rows)
        asked = (data or {}).get("format", guessed)
        self.shape = asked if asked in NEEDS else guessed
        # Another shape was chosen: what was chosen for the one before says nothing.
        fresh = data is None or data.get("shown", self.shape) != self.shape or "format" not in data
        given = self._guess() if fresh else data
        super().__init__({**{name: given[name] for name in given}, "format": asked})
        self._add_columns()
        self._add_thumbs(fresh)
        self.mapping: Mapping | None = None
        self.found = ""
        self._read()
        # Only now: a choice that is not complete yet is still to be tried and to be shown as it is.
        for name in NEEDS[self.shape][0]:
            self.fields[f"column_{name}"].required = True

    def targets(self) -> list[dict[str, Any]]:
        """Each column of the shape with its select and, where that says so, the field of its fixed text."""
        needed, optional = NEEDS[self.shape]
        return [
            {
                "name": name,
                "needed": name in needed,
                "source": self[f"column_{name}"],
                "fixed": self[f"fixed_{name}"] if self.data.get(f"column_{name}") == FIXED else None,
            }
            for name in (*needed, *optional)
        ]

    def trial(self) -> Trial | None:
        if self.mapping is None:
            return None
        tried = [try_row(record, self.mapping) for record in self.records]
        problems = Counter(found for _, example, found in tried if example is None)
        rows = [
            {"line": line, "turns": conversations.turns(example) if example else [], "found": found}
            for line, example, found in tried[:SHOWN]
        ]
        return Trial(len(tried), sum(example is not None for _, example, _ in tried), rows, problems.most_common(4))

    def _guess(self) -> dict[str, str]:
        found = guess_columns(self.shape, self.columns, self.rows, asked=True)
        return {f"column_{name}": source for name, source in found.items()}

    def _add_columns(self) -> None:
        needed, optional = NEEDS[self.shape]
        for name in (*needed, *optional):
            offered = [("", "Choose a column" if name in needed else "None"), *columns.choices(self.columns)]
            self.fields[f"column_{name}"] = forms.ChoiceField(
                label=name, choices=[*offered, (FIXED, "A fixed text for every row")], required=False
            )
            self.fields[f"fixed_{name}"] = forms.CharField(
                label=f"Text of {name}", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 2})
            )

    def _add_thumbs(self, fresh: bool) -> None:
        if format_of(self.shape) != "kto":
            return
        values = self.label_values()
        good = [value for value in values if as_text(value) in GOOD]
        rest = [value for value in values if value not in good]
        for name, label, guessed in (("good", "Values that mean good", good), ("bad", "Values that mean bad", rest)):
            self.fields[name] = forms.CharField(label=label, required=False, max_length=2000)
            if fresh or self.data.get("shown_label") != self.data.get(f"column_{THUMB}"):
                self.data[name] = ", ".join(guessed)  # type: ignore[index]

    def label_values(self) -> list[str]:
        """The values of the chosen label column among the first rows, the commonest first; none of one with so many
        that they are no thumbs."""
        source = self.data.get(f"column_{THUMB}", "")
        if not source or source == FIXED:
            return []
        held = Counter(mask_text(str(value_at(row, source)))[:60] for row in self.rows if source in self.columns)
        return [value for value, _ in held.most_common()] if len(held) <= MOST_VALUES else []

    def _read(self) -> None:
        if not self.is_valid():
            self.found = "A column that was chosen is not in the file. Choose again."
            return
        sources = {name: str(self.cleaned_data.get(f"column_{name}", "")) for name in sum(NEEDS[self.shape], ())}
        fixed = {
            name: self.cleaned_data[f"fixed_{name}"].strip() for name, source in sources.items() if source == FIXED
        }
        chosen = {name: source for name, source in sources.items() if source and source != FIXED}
        labels = {
            meaning: words
            for meaning, field in (("true", "good"), ("false", "bad"))
            if (words := [word.strip() for word in self.cleaned_data.get(field, "").split(",") if word.strip()])
        }
        try:
            self.mapping = Mapping(self.shape, chosen, {name: text for name, text in fixed.items() if text}, labels)
        except DataError as error:
            self.found = f"{error.found} {error.remedy}"
