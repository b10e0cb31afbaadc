"""The launch form's part about forgetting: which suites a run is probed with, from which change on it warns, and which
general rows are replayed among its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django import forms
from django.forms import BoundField

from datasets_app.models import DatasetVersion, Split
from engine.evaluation.measures import MEASURES
from engine.evaluation.suite_files import ROWS, SHAPES
from engine.evaluation.suite_rows import BUILT_IN, Suite, installed, suite_names
from engine.methods.table import METHODS
from engine.samples import GENERAL_ROWS
from engine.training.spec import ProbeChoice
from projects_app.models import Project

SUITE_PREFIX, FILE_PREFIX = "suite__", "rows__"
KEY = "version-"
"""An uploaded version as a suite is named by this and its key, in events and scores."""
MOST_OFFERED = 30
_FILE_COST = 8_000
"""Tokens that one scoring of an uploaded suite is worth, before anybody has read it."""


class ForgettingForm(forms.Form):
    """A box for each suite that is installed and for each version whose rows can be asked."""

    def __init__(
        self,
        project: Project,
        split: Split | None,
        method: str,
        data: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> None:
        """``spec``: of an earlier run, which the form begins like. ``data`` of a sender who knows nothing of this part
        leaves it as it is."""
        chosen = dict((spec or {}).get("probes") or {})
        default = ProbeChoice()
        suites = chosen.get("suites", default.suites)
        keys = {file["key"] for file in chosen.get("files", [])}
        self.versions = {KEY + str(version.pk): version for version in probing_versions(project, split)}
        super().__init__(data if data is not None and "forgetting_limit" in data else None)
        for name in suite_names():
            self.fields[SUITE_PREFIX + name] = _box(installed(name).title, _about(name), name in suites)
        for key, version in self.versions.items():
            about = f"{_shapes(version)}."
            self.fields[FILE_PREFIX + key] = _box(str(version), about, key in keys)
        self.sources = replay_sources(project, split, method)
        earlier = str(((spec or {}).get("data") or {}).get("replay") or "")
        self.fields["replay"] = _source(self.sources, earlier, method)
        self.fields["probe_rows"] = _rows(int(chosen.get("rows", default.rows)))
        limit = float(chosen.get("forgetting_limit", default.forgetting_limit))
        self.fields["forgetting_limit"] = _limit(f"{limit * 100:g}")

    def built_in(self) -> list[BoundField]:
        return [bound for bound in self if bound.name.startswith(SUITE_PREFIX)]

    def own(self) -> list[BoundField]:
        return [bound for bound in self if bound.name.startswith(FILE_PREFIX)]

    def own_chosen(self) -> bool:
        return any(bound.value() for bound in self.own())

    def is_valid(self) -> bool:
        """What was not sent stands as it was suggested."""
        return super().is_valid() if self.is_bound else True

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if found.get("replay") and found.get(FILE_PREFIX + found["replay"]):
            text = "The run is probed with these rows: trained on, they could not show what it forgets. Choose others."
            self.add_error("replay", text)
        return found

    def typed(self) -> dict[str, Any]:
        """What stands in the form now, as it would be sent."""
        return {bound.name: bound.value() for bound in self}

    def section(self) -> dict[str, Any]:
        """``probes`` of the specification, for a valid form."""
        values = self._values()
        files = [
            {"key": key, "title": str(version), "path": str(version.path)}
            for key, version in self.versions.items()
            if values[FILE_PREFIX + key]
        ]
        return {
            "suites": [name for name in suite_names() if values[SUITE_PREFIX + name]],
            "files": files,
            "rows": int(values["probe_rows"]),
            "forgetting_limit": float(values["forgetting_limit"]) / 100,
        }

    def replay(self) -> dict[str, Any]:
        """What ``data`` of the specification holds of it, for a valid form."""
        chosen = self._values()["replay"]
        if not chosen:
            return {}
        source = self.sources[chosen]
        return {"replay": str(source.path), "replay_name": source.title}

    def _values(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_bound else {name: field.initial for name, field in self.fields.items()}


@dataclass(frozen=True, slots=True)
class Source:
    """General rows that can be replayed."""

    title: str
    path: Path


def replay_sources(project: Project, split: Split | None, method: str) -> dict[str, Source]:
    """By the value of its choice: the rows that come with the workbench, and audited versions of the project, where the
    method trains on rows of their shape."""
    shapes = set(METHODS[method].data_shapes) - {"evaluation"}  # what models are judged by is not trained on
    found = {}
    if "messages" in shapes:
        found["general"] = Source("General rows of the workbench", GENERAL_ROWS)
    for version in _other_versions(project, split):
        if set(_formats(version)) & shapes:
            found[KEY + str(version.pk)] = Source(str(version), version.path)
    return found


def probe_cost(probes: ProbeChoice) -> int:
    """About how many tokens one scoring of the chosen suites is worth."""
    files = _FILE_COST * len(probes.files) * min(probes.rows, ROWS) // ROWS
    return sum(installed(name).thinned(probes.rows).cost for name in probes.suites) + files


def probing_versions(project: Project, split: Split | None) -> list[DatasetVersion]:
    """The newest audited versions of the project whose rows can be asked; not the one that is trained on."""
    return [version for version in _other_versions(project, split) if set(_formats(version)) & set(SHAPES)]


def _other_versions(project: Project, split: Split | None) -> list[DatasetVersion]:
    versions = DatasetVersion.objects.filter(dataset__project=project, audits__document__isnull=False)
    if split is not None:
        versions = versions.exclude(pk=split.version_id)
    return list(versions.select_related("dataset").distinct().order_by("-pk")[:MOST_OFFERED])


def _formats(version: DatasetVersion) -> dict[str, int]:
    audit = version.audited()
    return {shape["name"]: shape["count"] for shape in ((audit.document or {}) if audit else {}).get("formats", [])}


def _shapes(version: DatasetVersion) -> str:
    words = {
        "evaluation": "evaluation rows",
        "classification": "rows with labels",
        "text": "plain texts",
    }
    return ", ".join(f"{n:,} {words.get(name, 'prompts with answers')}" for name, n in _formats(version).items())


def _about(name: str) -> str:
    suite = installed(name).thinned(ProbeChoice().rows)
    measured = ", ".join(MEASURES[measure].words for measure in suite.measures)
    about = BUILT_IN[name].about if name in BUILT_IN else "A suite of your own."
    return f"{about} Measures {measured}; {_dear(suite)}"


def _dear(suite: Suite) -> str:
    rounded = max(500, round(suite.cost / 500) * 500)
    return f"each time costs about as much as {rounded:,} tokens of training."


def _box(label: str, about: str, ticked: bool) -> forms.BooleanField:
    return forms.BooleanField(required=False, label=label, help_text=about, initial=ticked)


def _source(sources: Mapping[str, Source], earlier: str, method: str) -> forms.ChoiceField:
    shapes = " or ".join(METHODS[method].data_shapes[:3])
    return forms.ChoiceField(
        required=False,
        choices=[("", "None"), *((key, source.title) for key, source in sources.items())],
        initial=next((key for key, source in sources.items() if str(source.path) == earlier), ""),
        label="Replay general rows",
        help_text="Mixed into the training rows at the replay ratio (Advanced, against forgetting): what the model "
        "could do before is practised on. EWC then protects what these rows depend on.",
        error_messages={"invalid_choice": f"This method cannot train on those rows: it needs {shapes}. Choose others."},
    )


def _rows(initial: int) -> forms.IntegerField:
    field = forms.IntegerField(
        min_value=8,
        max_value=1000,
        initial=str(initial),
        label="Rows asked of a suite",
        help_text="Of each kind, evenly over its domains. More see smaller changes, and take longer each time.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    field.unit, field.range = "rows", "8 to 1,000"  # type: ignore[attr-defined]
    return field


def _limit(initial: str) -> forms.FloatField:
    field = forms.FloatField(
        min_value=0.1,
        max_value=99,
        initial=initial,
        label="Forgetting limit",
        help_text="A fall by this much or more is warned of, and the checkpoint not recommended.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    field.unit, field.range = "%", "0.1 to 99"  # type: ignore[attr-defined]
    return field
