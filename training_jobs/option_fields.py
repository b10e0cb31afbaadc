"""Form fields made from the engine's option declarations, checked by the engine's own rules: one source of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from engine.training.options import OptionField, SpecError, describe, parse

# More than any number needs; Python refuses to read integers of thousands of digits, and floats overflow long before.
LONGEST_NUMBER = 32
LONGEST_TEXT = 500


class OptionFormField(forms.Field):
    """One option. What was typed stays as it was typed; the error says what was found and what would do."""

    def __init__(
        self, item: OptionField, options: type[Any], *, initial: Any, reason: str = "", fixed: bool = False
    ) -> None:
        """``fixed``: it is shown and cannot be changed; ``reason`` then says why."""
        self.item = item
        self.options = options
        self.unit = item.unit
        self.range = range_text(item)
        self.why = f"{item.why} {reason}".strip()
        required = not item.optional and item.kind != "bool"
        super().__init__(
            required=required, label=item.label, initial=shown(item, initial), widget=_widget(item), disabled=fixed
        )

    def leave_out(self, value: str, why: str) -> None:
        """Takes a choice off the list, saying why."""
        assert isinstance(self.widget, forms.Select)
        self.widget.choices = [(key, label) for key, label in self.item.choices if key != value]
        self.why = f"{self.item.why} {why}"

    def clean(self, value: Any) -> Any:
        text = value.strip() if isinstance(value, str) else value
        if self.item.kind == "bool":
            return bool(text)
        if text in (None, ""):
            if self.item.optional:
                return None
            raise forms.ValidationError(
                f"Empty. Give a value{f' of {self.range}' if self.range else ''}.", code="required"
            )
        try:
            read = _read(self.item, str(text))
            return getattr(parse(self.options, {self.item.name: read}, "here"), self.item.name)
        except SpecError as error:
            raise forms.ValidationError(f"{error.found[:120]}. {error.remedy}") from None


def option_fields(
    options: type[Any],
    *,
    prefix: str = "",
    initial: Any = None,
    reasons: Mapping[str, str] | None = None,
    settled: Mapping[str, tuple[Any, str]] | None = None,
) -> dict[str, OptionFormField]:
    """Fields for an options dataclass, in its order. ``initial`` is an instance of it (its defaults when None);
    ``reasons`` says of some fields why their initial value is not the plain default; ``settled`` gives values that
    cannot be chosen here, each with why."""
    values = initial if initial is not None else options()
    found = {}
    for item in describe(options):
        if item.name in (settled or {}):
            value, why = (settled or {})[item.name]
            found[prefix + item.name] = OptionFormField(item, options, initial=value, reason=why, fixed=True)
            continue
        reason = (reasons or {}).get(item.name, "")
        found[prefix + item.name] = OptionFormField(
            item, options, initial=getattr(values, item.name), reason=f"Suggested: {reason}." if reason else ""
        )
    return found


def shown(item: OptionField, value: Any) -> Any:
    """A value as the form shows and compares it: text for numbers, ``2e-5`` and not ``2e-05``."""
    if item.kind == "bool":
        return bool(value)
    if value is None:
        return ""
    if item.kind == "float":
        return re.sub(r"e([+-])0*(\d)", lambda found: f"e{found[1].replace('+', '')}{found[2]}", f"{value:.10g}")
    return str(value)


def range_text(item: OptionField) -> str:
    if item.kind not in ("int", "float"):
        return ""
    low, high = item.minimum, item.maximum
    if low is not None and high is not None:
        return f"{_plain(low)} to {_plain(high)}"
    return f"at least {_plain(low)}" if low is not None else ""


def _plain(number: float) -> str:
    return f"{int(number):,}" if number == int(number) and abs(number) >= 1 else f"{number:g}".replace("e-0", "e-")


def _read(item: OptionField, text: str) -> Any:
    """The text as the option's kind, or as it is: then the engine says what it found."""
    longest = LONGEST_NUMBER if item.kind in ("int", "float") else longest_text(item)
    if len(text) > longest:
        raise SpecError(item.name, f"{text[:longest]}… is too long", f"Give at most {longest} characters.")
    try:
        if item.kind == "int":
            return int(text)
        if item.kind == "float":
            return float(text)
    except ValueError:
        pass
    return text


def longest_text(item: OptionField) -> int:
    return int(item.maximum or LONGEST_TEXT)


def _widget(item: OptionField) -> forms.Widget:
    if item.kind == "bool":
        return forms.CheckboxInput()
    if item.kind == "choice":
        return forms.Select(choices=item.choices)
    if item.kind == "text" and longest_text(item) > LONGEST_TEXT:
        return forms.Textarea(attrs={"rows": 5, "maxlength": longest_text(item), "spellcheck": "false"})
    # Not type=number: a browser keeps what it cannot read to itself, and then nobody can say what was wrong.
    modes = {"int": "numeric", "float": "decimal"}
    attrs = {"inputmode": modes[item.kind], "autocomplete": "off"} if item.kind in modes else {"autocomplete": "off"}
    return forms.TextInput(attrs={**attrs, "spellcheck": "false"})
