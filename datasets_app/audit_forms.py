"""What an audit can be asked for: whose tokenizer, where rows are cut, what they are compared with."""

from __future__ import annotations

from typing import Any

from django import forms

from datasets_app.launching import Choices, first_model
from datasets_app.models import CUTOFF_LEN, Audit, DatasetVersion
from datasets_app.offering import VersionField
from models_app.models import BaseModel


class AuditForm(forms.Form):
    """Shown as "Audit again", filled in with what the last audit was asked for."""

    base_model = forms.ModelChoiceField(
        BaseModel.objects.none(),
        required=False,
        empty_label="None: lengths in characters",
        help_text="Its tokenizer and chat template count the tokens of a row. Take the model you mean to train.",
    )
    cutoff_len = forms.IntegerField(
        label="Cutoff length",
        min_value=16,
        max_value=131_072,
        required=False,
        help_text="Training cuts rows after so many tokens; the audit says which.",
    )
    against = VersionField(
        DatasetVersion.objects.none(),
        label="Held-out data",
        required=False,
        empty_label="None",
        help_text="The audit looks for these rows among the ones above: a model examined on what it was taught "
        "shows nothing. Any file of your projects: an evaluation set, a benchmark you uploaded.",
    )
    production = VersionField(
        DatasetVersion.objects.none(),
        label="Sample of real prompts",
        required=False,
        empty_label="None",
        help_text="Upload what people really ask as another file of this project; the coverage map then says which of "
        "it the rows lack.",
    )

    def __init__(self, *args: Any, version: DatasetVersion, audit: Audit | None, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": _as_before(audit), **kwargs})
        fields: dict[str, Any] = self.fields
        for name in ("against", "production"):
            fields[name].offer(version, user, getattr(audit, name, None))
        usable = BaseModel.objects.usable_in(version.dataset.project)
        there = [model.pk for model in usable if model.is_there]
        fields["base_model"].queryset = BaseModel.objects.filter(pk__in=there)
        fields["cutoff_len"].unit, fields["cutoff_len"].range = "tokens", "16 to 131,072"

    def choices(self) -> Choices:
        """What was chosen. A form that does not name the model at all means the first that is there."""
        asked = self.cleaned_data
        model = asked["base_model"] if "base_model" in self.data else first_model()
        return Choices(model, asked["cutoff_len"] or CUTOFF_LEN, asked["against"], asked["production"])


def _as_before(audit: Audit | None) -> dict[str, Any]:
    if audit is None:
        return {"base_model": first_model(), "cutoff_len": CUTOFF_LEN}
    before = Choices.of(audit) if audit.base_model_id else Choices(None, audit.cutoff_len, audit.against)
    return {
        "base_model": before.model,
        "cutoff_len": before.cutoff_len,
        "against": before.against,
        "production": audit.production,
    }
