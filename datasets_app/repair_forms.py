"""The repair page's form, derived from the engine's table: one section an operation, one form field a field of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from datasets_app import launching, reports
from engine.data.errors import DataError
from engine.data.repairs import REPAIRS, check_operation, load
from engine.data.repairs.fields import Field
from engine.data.valuable import MENDS
from models_app.models import BaseModel

# Operations that need more than a form can ask have pages of their own.
ELSEWHERE = ("edit", "map", "mix", "add")
# Findings that a person looks at before anything goes.
REVIEWED = {code for mend in MENDS if mend.review for code in mend.codes}
# Fields that are filled in from what was decided on other pages.
FILLED = {("dedupe", "reviewed"), ("resolve", "choices")}


class Section(forms.Form):
    """One operation. ``chosen`` says whether it is part of the repair, ``order`` when its turn comes."""

    chosen = forms.BooleanField(required=False)
    order = forms.IntegerField(
        min_value=1, max_value=99, required=False, label="Order", help_text="Lower numbers come first."
    )

    def __init__(
        self,
        op: str,
        place: int,
        findings: list[dict[str, Any]],
        data: Mapping[str, Any] | None,
        picked: bool,
        reviewed: list[str],
        fine: dict[str, list[int]],
        models: list[BaseModel],
    ):
        self.reviewed = reviewed
        mended = reports.mends({"op": op})
        self.left_alone = len({row for code in mended for row in fine.get(code, ())})
        self.op = op
        self.place = place
        self.repair = load(op)
        self.answers = [one for one in findings if one.get("repair") == op or one["code"] in _mended_by(op)]
        initial = {"chosen": picked, "order": place}
        super().__init__(data, prefix=op, initial=initial)
        self.fields["chosen"].label = self.repair.TITLE
        self.fields["chosen"].help_text = self.repair.ABOUT
        self._described: dict[str, Field] = {}
        for field in self.repair.FIELDS:
            if field.kind == "file" and field.name == "model":
                self._described[field.name] = field
                self.fields[field.name] = _model_field(field, models)
            elif (op, field.name) not in FILLED and field.kind not in ("objects", "file", "exceptions"):
                self._described[field.name] = field
                self.fields[field.name] = _form_field(field, self.answers if field.name == "codes" else [], findings)

    @property
    def rows(self) -> int:
        """How many rows the findings that it answers have."""
        return sum(int(finding.get("surplus") or finding["count"]) for finding in self.answers)

    @property
    def settings(self) -> list[BoundField]:
        return [self[name] for name in self._described]

    @property
    def is_on(self) -> bool:
        return bool(self["chosen"].value())

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("chosen") and not self.errors:
            try:
                check_operation(self.operation())
            except DataError as error:
                raise forms.ValidationError(f"{error.text} {error.remedy}") from None
        return found

    def operation(self) -> dict[str, Any]:
        """The operation as the engine takes it. What equals the default is left out: a default stands in one place."""
        made: dict[str, Any] = {"op": self.op}
        for name, field in self._described.items():
            value = _typed(field, self.cleaned_data.get(name))
            if value != field.default and value is not None:
                made[name] = value
            elif field.default is not None and value is None and None in dict(field.choices):
                made[name] = None
        if self.op == "dedupe" and made.get("keep") == "reviewed":
            made["reviewed"] = self.reviewed
        return made


def sections(
    findings: list[dict[str, Any]],
    data: Mapping[str, Any] | None = None,
    picked: tuple[str, ...] = (),
    reviewed: list[str] | None = None,
    fine: dict[str, list[int]] | None = None,
    models: list[BaseModel] | None = None,
) -> list[Section]:
    """Those that answer a finding first, the one that touches most rows before others; the rest as in the table.
    ``reviewed`` are the identities of rows that somebody reviewed, ``fine`` the rows left alone by finding, ``models``
    those whose tokenizer can count, the first unless another is chosen."""
    ops = [op for op in REPAIRS if op not in ELSEWHERE]
    made = [
        Section(op, place, findings, data, op in picked, reviewed or [], fine or {}, models or [])
        for place, op in enumerate(ops, 1)
    ]
    return sorted(made, key=lambda section: (not section.answers, -section.rows))


def chosen(made: list[Section]) -> list[dict[str, Any]]:
    """The operations of valid sections that are part of the repair, in their order."""
    on = [one for one in made if one.cleaned_data.get("chosen")]
    turns = sorted(on, key=lambda one: one.cleaned_data.get("order") or one.place)
    return [one.operation() for one in turns]


def _mended_by(op: str) -> set[str]:
    """Codes of the findings that this operation mends, as the engine's readiness has it."""
    return {code for mend in MENDS if mend.operation(list(mend.codes))["op"] == op for code in mend.codes}


def _model_field(field: Field, models: list[BaseModel]) -> forms.Field:
    names = [(launching.model_key(model), model.name) for model in models]
    why = field.why if names else "There is no base model yet. Add one on the Models page."
    return forms.ChoiceField(choices=names, label=field.label, help_text=why, required=False)


def _form_field(field: Field, answers: list[dict[str, Any]], findings: list[dict[str, Any]]) -> forms.Field:
    about: dict[str, Any] = {"label": field.label, "help_text": field.why, "required": False}
    choices = [("" if value is None else str(value), label) for value, label in field.choices]
    if field.name == "codes" and field.kind == "texts":
        names = [(finding["code"], f"{finding['title']} ({finding['count']:,})") for finding in findings]
        initial = [finding["code"] for finding in answers]
        return forms.MultipleChoiceField(choices=names, initial=initial, widget=forms.CheckboxSelectMultiple, **about)
    if field.kind == "choice":
        return forms.ChoiceField(choices=choices, initial="" if field.default is None else str(field.default), **about)
    if field.kind == "choice_or_whole":
        about["help_text"] += f" One of {', '.join(value for value, _ in choices)}, or a number."
        return forms.CharField(initial=field.default, max_length=20, **about)
    if field.kind == "choices":
        # Rows that are only alike are not removed unread: whoever wants that ticks it.
        known = {one["code"] for one in answers if one["code"] not in REVIEWED}
        initial = [value for value, _ in choices if value in known] or [str(value) for value in field.default or []]
        return forms.MultipleChoiceField(choices=choices, initial=initial, widget=forms.CheckboxSelectMultiple, **about)
    if field.kind == "switch":
        return forms.BooleanField(initial=field.default, **about)
    if field.kind == "whole":
        return forms.IntegerField(min_value=field.least, initial=field.default, **about)
    if field.kind == "share":
        return forms.FloatField(min_value=0, max_value=1, initial=field.default, **about)
    if field.kind == "object":
        lines = "\n".join(f"{name} = {value}" for name, value in (field.default or {}).items())
        about["help_text"] += " One a line, as name = value."
        return forms.CharField(initial=lines, widget=forms.Textarea(attrs={"rows": 3}), **about)
    if field.kind in ("numbers", "texts"):
        about["help_text"] += " Several with commas between them."
        return forms.CharField(initial=", ".join(map(str, field.default or [])), **about)
    return forms.CharField(initial=field.default, max_length=200, **about)


def _typed(field: Field, value: Any) -> Any:
    """What was typed as the engine takes it; None where nothing was."""
    if field.kind == "choice":
        return next((one for one, _ in field.choices if ("" if one is None else str(one)) == value), value)
    if field.kind == "choices":
        return [one for one, _ in field.choices if str(one) in (value or [])]
    if field.kind == "texts" and isinstance(value, list):
        return value or None
    if field.kind == "choice_or_whole":
        return _number(value.strip()) if value and value.strip() else None
    if field.kind == "object":
        return dict(_pairs(str(value or ""))) or None
    if field.kind in ("numbers", "texts"):
        items = [item.strip() for item in str(value or "").split(",") if item.strip()]
        return ([_number(item) for item in items] if field.kind == "numbers" else items) or None
    return None if value == "" else value


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip():
            yield name.strip(), _number(value.strip())


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
