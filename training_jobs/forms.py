"""The launch form: what the run is of, and its settings, which follow from that."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.forms import BoundField

from datasets_app.models import Split
from engine.adapters.table import ADAPTERS
from engine.methods.table import METHODS, refusal, refused_settings
from engine.training.options import OptionField, describe
from engine.training.spec import TrainingOptions
from models_app.models import BaseModel
from projects_app.models import Project
from training_jobs.controls import (
    ACCUMULATION,
    ALPHA,
    BATCH,
    BY_EPOCHS,
    BY_STEPS,
    EPOCHS,
    PROCESSES,
    RANK,
    RUN_LENGTH,
    STEPS,
    TARGETS,
    LayerChoice,
    picked,
)
from training_jobs.models import Preset, TrainingJob
from training_jobs.option_fields import OptionFormField, option_fields, shown

METHOD_PREFIX, ADAPTER_PREFIX = "method__", "adapter__"
if TYPE_CHECKING:
    _ModelChoice = forms.ModelChoiceField[Any]
else:
    _ModelChoice = forms.ModelChoiceField


class SplitField(_ModelChoice):
    def label_from_instance(self, split: Any) -> str:
        counts = [f"{split.rows(part):,}" for part in ("train", "validation", "test")]
        return f"{split.version} · split {split.pk} · {counts[0]} train, {counts[1]} validation, {counts[2]} test"


class BaseModelField(_ModelChoice):
    def label_from_instance(self, model: Any) -> str:
        return model.name if model.is_there else f"{model.name} (its folder is gone)"


class ChoicesForm(forms.Form):
    """What the run is of. A change here changes which settings there are and what is suggested for them."""

    name = forms.CharField(
        max_length=120, label="Name", help_text="What the runs table and the comparison will call it."
    )
    split = SplitField(
        Split.objects.none(),
        label="Data",
        empty_label=None,
        help_text="A split of this project: training rows are learned, validation rows are measured while it runs.",
        error_messages={"invalid_choice": "This split is not there, or not ready. Choose one of the list."},
    )
    base_model = BaseModelField(
        BaseModel.objects.none(),
        label="Base model",
        empty_label=None,
        help_text="Where the run starts from, and the baseline its result is compared with.",
        error_messages={"invalid_choice": "This model is not registered here. Choose one of the list."},
    )
    method = forms.ChoiceField(label="Method", widget=forms.RadioSelect)
    adapter = forms.ChoiceField(label="What trains", widget=forms.RadioSelect)

    def __init__(self, project: Project, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        _field(self, "split").queryset = ready_splits(project)
        _field(self, "base_model").queryset = BaseModel.objects.usable_in(project)
        _field(self, "method").choices = [(row.key, row.label) for row in METHODS.values()]
        _field(self, "adapter").choices = [(row.key, row.label) for row in ADAPTERS.values()]

    def plain(self) -> list[BoundField]:
        """All but method and adapter, which ``kinds`` shows."""
        return [bound for bound in self if bound.name not in ("method", "adapter")]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        method, adapter = found.get("method"), found.get("adapter")
        if method and adapter and (reason := refusal(method, adapter)):
            self.add_error("adapter", f"{ADAPTERS[adapter].label} does not go with this method: {reason}")
        model = found.get("base_model")
        if model is not None and not model.is_there:
            self.add_error("base_model", "Its folder is gone. Put it back, or choose another model.")
        return found


class SettingsForm(forms.Form):
    """The settings of a method with an adapter, as the engine declares them; ``initial`` is what is suggested."""

    layers: tuple[LayerChoice, ...] = ()
    """The base model's linear layers, where they are known."""

    def __init__(
        self,
        method: str,
        adapter: str,
        suggested: TrainingOptions,
        reasons: Mapping[str, str],
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data)
        if METHODS[method].needs_teacher:
            self.fields["teacher"] = BaseModelField(
                BaseModel.objects.all(),
                label="Teacher",
                empty_label="Choose the model to learn from",
                help_text="Larger, and of the same family: both must write the same tokens.",
            )
        settled, left_out = _settled(method, adapter)
        self.fields.update(option_fields(TrainingOptions, initial=suggested, reasons=reasons, settled=settled))
        for name, (value, why) in left_out.items():
            _field(self, name).leave_out(value, why)
        self.fields.update(option_fields(METHODS[method].options(), prefix=METHOD_PREFIX))
        self.fields.update(option_fields(ADAPTERS[adapter].options(), prefix=ADAPTER_PREFIX))
        if self.alpha_follows:
            self.fields[ALPHA].widget.attrs["placeholder"] = f"{self.alpha_follows} (2 × rank)"

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if self.data.get(RUN_LENGTH) == BY_STEPS and STEPS in found and found[STEPS] is None:
            self.add_error(STEPS, "Empty. Give a number of steps, or choose epochs.")
        return found

    def simple(self) -> list[BoundField]:
        return [bound for bound in self if self._is_simple(bound) and bound.name not in (EPOCHS, STEPS)]

    def _is_simple(self, bound: BoundField) -> bool:
        return not _is_option(bound) or _item(bound).level == "simple"

    @property
    def run_length(self) -> list[tuple[str, str, BoundField, bool]]:
        """(value, words, its field, is it chosen): by epochs or by steps."""
        asked = self.data.get(RUN_LENGTH) if self.is_bound else ""
        by_steps = asked == BY_STEPS or (asked != BY_EPOCHS and bool(self.typed(STEPS)))
        return [
            (BY_EPOCHS, "By epochs", self[EPOCHS], not by_steps),
            (BY_STEPS, "By steps", self[STEPS], by_steps),
        ]

    @property
    def targets(self) -> list[tuple[LayerChoice, bool]]:
        """(layer, is it ticked) for the picker beside the target modules; empty for an adapter without them."""
        if TARGETS not in self.fields:
            return []
        ticked = picked(str(self.typed(TARGETS)), self.layers)
        return [(layer, layer.name in ticked) for layer in self.layers]

    @property
    def effective_batch(self) -> int | None:
        """Rows behind one step as the fields say now; None while one of them is no number."""
        sizes = [str(self.typed(name)) for name in (BATCH, ACCUMULATION, PROCESSES)]
        return prod(map(int, sizes)) if all(size.isdecimal() and len(size) < 8 for size in sizes) else None

    @property
    def alpha_follows(self) -> int | None:
        """What an empty alpha amounts to; None without LoRA or while the rank is no number."""
        rank = str(self.typed(RANK)) if RANK in self.fields else ""
        return 2 * int(rank) if rank.isdecimal() and len(rank) < 8 else None

    def advanced(self) -> list[tuple[str, list[BoundField]]]:
        """(group, its fields), in the order in which the groups are first declared."""
        folded = [bound for bound in self if not self._is_simple(bound) and bound.name != STEPS]
        order = list(dict.fromkeys(_item(bound).group for bound in folded))
        folded.sort(key=lambda bound: order.index(_item(bound).group))
        return [(group, list(fields)) for group, fields in groupby(folded, key=lambda bound: _item(bound).group)]

    def typed(self, name: str) -> Any:
        """What stands in a field now: as it was sent, or as suggested."""
        field = self.fields[name]
        return as_typed(self.data, name, field) if self.is_bound and not field.disabled else field.initial

    def changed(self) -> list[str]:
        """Names of the fields that differ from what is suggested."""
        options = ((name, field) for name, field in self.fields.items() if isinstance(field, OptionFormField))
        return [name for name, field in options if self.typed(name) != field.initial]

    def advanced_errors(self) -> bool:
        return any(bound.errors for _, fields in self.advanced() for bound in fields)

    def section(self, prefix: str) -> dict[str, Any]:
        """The cleaned values of one options dataclass, by option name."""
        names = [bound.name for bound in self if _is_option(bound) and _section(bound.name) == prefix]
        return {name.removeprefix(prefix): self.cleaned_data[name] for name in names}


def _settled(method: str, adapter: str) -> tuple[dict[str, tuple[Any, str]], dict[str, tuple[Any, str]]]:
    """Options without a choice here (with their value), and options that lose one of several; each with why."""
    settled, left_out = {}, {}
    for name, (value, why) in METHODS[method].settles.items():
        settled[name] = value, f"Not a choice with {METHODS[method].label}: {why}"
    for name, (value, why) in refused_settings(method, adapter).items():
        if isinstance(value, bool):
            settled[name] = not value, why
        else:
            left_out[name] = value, why
    return settled, left_out


def ready_splits(project: Project) -> QuerySet[Split]:
    return Split.objects.filter(version__dataset__project=project, result__isnull=False).select_related(
        "version__dataset", "run"
    )


def as_typed(data: Mapping[str, Any], name: str, field: forms.Field) -> Any:
    value = data.get(name)
    if isinstance(field, OptionFormField) and field.item.kind == "bool":
        return bool(value) and value not in ("false", "False")
    return str(value or "").strip()


def settings_data(job: TrainingJob) -> dict[str, Any]:
    """An earlier job's settings as the form would have sent them."""
    spec: Mapping[str, Any] = job.spec
    found: dict[str, Any] = {}
    sections = (
        ("", TrainingOptions, spec.get("training")),
        (METHOD_PREFIX, METHODS[job.method].options(), spec.get("method_options")),
        (ADAPTER_PREFIX, ADAPTERS[job.adapter].options(), spec.get("adapter_options")),
    )
    for prefix, options, values in sections:
        for item in describe(options):
            found[prefix + item.name] = shown(item, (values or {}).get(item.name, item.default))
    teacher = BaseModel.objects.filter(name=(spec.get("teacher") or {}).get("name", "")).first()
    return found | ({"teacher": str(teacher.pk)} if teacher else {})


def preset_data(preset: Preset, suggested: SettingsForm) -> dict[str, Any]:
    """A preset's settings as the form would have sent them; what it does not say is as suggested."""
    found = {name: field.initial for name, field in suggested.fields.items()}
    sections = (("", "training"), (METHOD_PREFIX, "method_options"), (ADAPTER_PREFIX, "adapter_options"))
    for prefix, section in sections:
        for name, value in (preset.values.get(section) or {}).items():
            field = suggested.fields.get(prefix + name)
            if isinstance(field, OptionFormField):
                found[prefix + name] = shown(field.item, value)
    return found


def _section(name: str) -> str:
    return next((prefix for prefix in (METHOD_PREFIX, ADAPTER_PREFIX) if name.startswith(prefix)), "")


def _is_option(bound: BoundField) -> bool:
    """Whether the engine declares it; the others are choices among what is registered here."""
    return isinstance(bound.field, OptionFormField)


def _item(bound: BoundField) -> OptionField:
    assert isinstance(bound.field, OptionFormField)
    return bound.field.item


def _field(form: forms.Form, name: str) -> Any:
    return form.fields[name]
