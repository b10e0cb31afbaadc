from __future__ import annotations

import re
from typing import Any

from django import forms

from datasets_app import marks, reports
from datasets_app.models import DatasetVersion
from engine.drafting.instructions import DEFAULT, MODES
from engine.drafting.job import MOST_CANDIDATES
from engine.drafting.seeds import MOST
from models_app.models import BaseModel, Endpoint
from projects_app.models import Project

_SPAN = re.compile(r"(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?")


class DraftForm(forms.Form):
    """Teacher, mode, seeds and instruction. ``asked()`` and ``teacher`` give what a drafting is started with."""

    teacher_choice = forms.ChoiceField(label="Teacher")
    mode = forms.ChoiceField(
        label="What it writes",
        choices=[(name, f"{title}. {about}") for name, (title, about) in MODES.items()],
        widget=forms.RadioSelect,
        initial="more",
    )
    count = forms.IntegerField(
        label="Rows to draft", min_value=1, max_value=MOST_CANDIDATES, initial=20,
        help_text="A person looks at each: begin with few.",
    )  # fmt: skip
    seeds_from = forms.ChoiceField(
        label="Seed rows", help_text="What the teacher is shown, or whose prompts it answers."
    )
    numbers = forms.CharField(
        required=False, label="Row numbers", max_length=2000,
        help_text="Used with “rows by number”: for example 3, 17, 40-52.",
    )  # fmt: skip
    sample = forms.IntegerField(
        label="Seed rows to draw", min_value=1, max_value=MOST, initial=20,
        help_text="Drawn at random from those; a request to write more rows like them shows four.",
    )  # fmt: skip
    redact = forms.BooleanField(
        required=False, initial=True, label="Replace personal data by placeholders first",
        help_text="E-mail addresses, numbers, keys and tokens become [EMAIL], [PHONE] and so on before the teacher "
        "sees a row.",
    )  # fmt: skip
    instruction = forms.CharField(
        required=False, max_length=8000, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="{rows} becomes the seed rows and {count} the number of rows; leave it empty for the default. For "
        "answers it goes in front as the system message, where a row has none.",
    )  # fmt: skip
    per_request = forms.IntegerField(
        label="Rows asked for at once", min_value=1, max_value=20, initial=4, help_text="Small models manage one."
    )
    temperature = forms.FloatField(
        required=False, min_value=0, max_value=2, initial=0.8,
        help_text="For endpoints: higher is more varied. Models of this machine take the most probable word.",
    )  # fmt: skip
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, initial=42, help_text="The same seed draws the same rows."
    )

    def __init__(self, *args: Any, version: DatasetVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = version
        self.audit = version.audits.filter(document__isnull=False).order_by("-id").first()
        teachers = teachers_for(version.dataset.project)
        self.fields["teacher_choice"].choices = teachers  # type: ignore[attr-defined]
        self.fields["seeds_from"].choices = self._sources()  # type: ignore[attr-defined]
        self.has_teacher = bool(teachers)

    def _sources(self) -> list[tuple[str, str]]:
        document = (self.audit.document if self.audit else None) or {}
        found = [(f"finding:{f['code']}", f"{f['title']} ({f['count']:,})") for f in reports.findings(document)]
        tags = [(f"tag:{tag}", f"Tag {tag}") for tag in marks.tags_of(self.version.dataset)]
        return [("all", "All rows"), ("numbers", "Rows by number"), *tags, *found]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("seeds_from") == "numbers" and not _numbers(cleaned.get("numbers", "")):
            self.add_error("numbers", "Give row numbers, for example 3, 17, 40-52.")
        return cleaned

    @property
    def teacher(self) -> Endpoint | BaseModel:
        kind, _, number = self.cleaned_data["teacher_choice"].partition(":")
        if kind == "endpoint":
            return Endpoint.objects.get(pk=number, project_id=self.version.dataset.project_id)
        return BaseModel.objects.usable_in(self.version.dataset.project).get(pk=number)

    def asked(self) -> dict[str, Any]:
        data = self.cleaned_data
        names = ("count", "per_request", "redact", "seed", "temperature")
        text = data["instruction"].replace("\r\n", "\n").strip()
        instruction = "" if text == DEFAULT else text
        return {**{name: data[name] for name in names}, "instruction": instruction, "seeds": self._seeds()}

    def _seeds(self) -> dict[str, Any]:
        data = self.cleaned_data
        kind, _, name = data["seeds_from"].partition(":")
        if kind == "numbers":
            return {"numbers": _numbers(data["numbers"])}
        if kind == "tag" and self.audit is not None:
            return {"numbers": marks.numbers(self.audit, self.version.dataset, name, "")[:MOST] or [0]}
        return {"sample": data["sample"], "seed": data["seed"], "finding": name if kind == "finding" else ""}


def teachers_for(project: Project) -> list[tuple[str, str]]:
    """Who a project may ask: its endpoints, and the models of this machine."""
    endpoints = project.endpoints.all()
    remote = [(f"endpoint:{each.pk}", f"{each.name} ({each.model} at {each.host})") for each in endpoints]
    local = [
        (f"model:{each.pk}", f"{each.name} (on this machine)")
        for each in BaseModel.objects.usable_in(project)
        if each.is_there
    ]
    return remote + local


def _numbers(text: str) -> list[int]:
    """``3, 17, 40-52`` → row numbers, at most MOST of them."""
    found: list[int] = []
    for match in _SPAN.finditer(text):
        first, last = int(match[1]), int(match[2] or match[1])
        found += range(first, min(last, first + MOST) + 1)
        if len(found) >= MOST:
            break
    return sorted(set(found))[:MOST]
