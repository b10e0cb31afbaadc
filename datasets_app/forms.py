from __future__ import annotations

from typing import Any

from django import forms

from datasets_app.models import DatasetVersion
from projects_app.models import Project

PARTS = ("train", "validation", "test")


class SplitForm(forms.Form):
    """Shares in per cent, because that is how people say them; fractions leave it through ``fractions``."""

    train = forms.IntegerField(min_value=1, max_value=99, initial=80, help_text="What the model learns from.")
    validation = forms.IntegerField(
        min_value=0, max_value=98, initial=10, help_text="Watched during training, to keep the best checkpoint."
    )
    test = forms.IntegerField(
        min_value=0, max_value=98, initial=10, help_text="Kept for the evaluation: more rows, narrower intervals."
    )
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, initial=42, help_text="The same seed gives the same split."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for part in PARTS:
            self.fields[part].unit = "%"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        shares = [int(cleaned[part]) for part in PARTS if cleaned.get(part) is not None]
        if len(shares) == len(PARTS) and sum(shares) != 100:
            raise forms.ValidationError(
                f"The three shares add up to {sum(shares)} %. Change one of them so that they add up to 100 %."
            )
        return cleaned

    def fractions(self) -> dict[str, float]:
        return {part: self.cleaned_data[part] / 100 for part in PARTS}


class LeakForm(forms.Form):
    """Which other data of the project is held out, so that an audit can look for its rows."""

    against = forms.ModelChoiceField(
        DatasetVersion.objects.none(),
        label="Held-out data",
        required=False,
        empty_label="None",
        help_text="The audit looks for these rows among the ones above: a model examined on what it was taught "
        "shows nothing.",
    )

    def __init__(self, *args: Any, project: Project, version: DatasetVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = DatasetVersion.objects.filter(dataset__project=project).exclude(dataset_id=version.dataset_id)
        field: Any = self.fields["against"]
        field.queryset = others.select_related("dataset").order_by("dataset__name", "number")
