"""One system of an evaluation as a form: what answers, and the options its kind declares in the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from engine.evaluation.systems import KINDS, load
from engine.training.options import describe
from eval_app.launching import Chosen
from models_app.models import BaseModel
from projects_app.models import Project
from training_jobs.models import Checkpoint
from training_jobs.option_fields import option_fields

_TARGETS = ("model", "checkpoint", "endpoint")


class SystemForm(forms.Form):
    """``number`` tells it from the other systems of the form; its fields begin with it."""

    def __init__(
        self,
        project: Project,
        kind: str,
        number: int,
        data: Mapping[str, Any] | None = None,
        chosen: Chosen | None = None,
    ) -> None:
        self.project, self.kind_name, self.number, self.kind = project, kind, number, KINDS[kind]
        super().__init__(data, prefix=f"s{number}")
        self.options_of = load(kind).Options
        self.target = next((one for one in self.kind.asks if one in _TARGETS), "")
        self.known = targets(project, self.target)
        if self.target:
            label = {"model": "Model", "checkpoint": "Checkpoint", "endpoint": "Endpoint"}[self.target]
            choices = [(str(pk), title) for pk, (title, _) in self.known.items()]
            first = _target_of(chosen) or (choices[0][0] if choices else "")
            self.fields["target"] = forms.ChoiceField(label=label, choices=choices, initial=first)
        initial = self.options_of(**chosen.options) if chosen else None
        self.fields |= option_fields(self.options_of, initial=initial)
        self.fields["name"] = forms.CharField(
            required=False,
            max_length=100,
            label="Name",
            initial=chosen.name if chosen else "",
            help_text="As it stands in tables; empty: by what it is.",
        )

    def shown_first(self) -> list[BoundField]:
        levels = {item.name: item.level for item in describe(self.options_of)}
        return [
            bound for bound in self if levels.get(bound.name, "simple" if bound.name == "target" else "") == "simple"
        ]

    def folded(self) -> list[BoundField]:
        first = {bound.name for bound in self.shown_first()}
        return [bound for bound in self if bound.name not in first]

    def missing(self) -> str:
        """Why this kind cannot be chosen here, where there is nothing to choose from."""
        if not self.target or self.known:
            return ""
        return {
            "model": "No model is registered here.",
            "checkpoint": "This project has no checkpoint yet.",
            "endpoint": "This project has no endpoint yet; an owner adds one on the Endpoints page.",
        }[self.target]

    def chosen(self) -> Chosen:
        """For a valid form."""
        data = self.cleaned_data
        found = self.known[int(data["target"])][1] if self.target else None
        options = {item.name: data[item.name] for item in describe(self.options_of) if data[item.name] != item.default}
        return Chosen(
            self.kind_name,
            data["name"],
            options,
            found if isinstance(found, BaseModel) else None,
            found if isinstance(found, Checkpoint) else None,
            found if self.target == "endpoint" else None,
        )


def targets(project: Project, target: str) -> dict[int, tuple[str, Any]]:
    """What a system of this project can be of: primary key → (its title, it)."""
    if target == "model":
        return {one.pk: (one.name, one) for one in BaseModel.objects.usable_in(project) if one.is_there}
    if target == "endpoint":
        return {one.pk: (f"{one.name} ({one.model})", one) for one in project.endpoints.all()}
    if target == "checkpoint":
        known = Checkpoint.objects.filter(job__project=project).select_related(
            "job__run", "job__base_model", "job__split"
        )
        there = [one for one in known.order_by("-job_id", "-is_best", "-step") if one.is_there]
        return {one.pk: (f"{one.job.name} · step {one.step}{' (best)' if one.is_best else ''}", one) for one in there}
    return {}


def _target_of(chosen: Chosen | None) -> str:
    found = (chosen.checkpoint or chosen.endpoint or chosen.base_model) if chosen else None
    return str(found.pk) if found else ""
