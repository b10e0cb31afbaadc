from __future__ import annotations

from typing import Any

from django import forms

from datasets_app.columns import Choices
from datasets_app.models import DatasetVersion
from datasets_app.offering import VersionField
from engine.data import splits
from engine.data.split import SplitOptions

PARTS = ("train", "validation", "test")
PLAIN = SplitOptions()


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


class SplitWayForm(SplitForm):
    """The shares and the seed, and what one way of splitting asks for beside them."""

    column = forms.ChoiceField(required=False)
    test_file = VersionField(DatasetVersion.objects.none(), required=False, label="Test file")
    drop_leaked = forms.BooleanField(
        required=False,
        initial=True,
        label="Leave leaked rows out of training",
        help_text="Rows that stand in the test file, as they are or nearly.",
    )

    def __init__(
        self, *args: Any, version: DatasetVersion, strategy: str, columns: Choices, user: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.strategy, way = strategy, splits.load(strategy)
        if way.COLUMN == "none":
            del self.fields["column"]
        else:
            self._offer_columns(columns, way.COLUMN == "needed")
        if way.FILE:
            self._offer_files(version, user)
        else:
            del self.fields["test_file"], self.fields["drop_leaked"]

    def _offer_columns(self, columns: Choices, needed: bool) -> None:
        field: Any = self.fields["column"]
        field.required = needed
        field.choices = columns if needed else [("", "The label, where rows have one"), *columns]
        field.label = {"time": "Column with the time", "group": "Column with the group"}.get(
            self.strategy, "Same shares of"
        )
        if self.strategy == "group":
            field.help_text = "Such as a customer, a document or a conversation that gave several rows."

    def _offer_files(self, version: DatasetVersion, user: Any) -> None:
        field: Any = self.fields["test_file"]
        field.required = True
        field.offer_parts(version, user)
        field.help_text = (
            "All its usable rows are the test part. A file that is not here yet is uploaded on the Data page."
        )
        # The test part takes nothing of this version: one share says how the rest is parted.
        for part in ("train", "test"):
            self.fields[part].required = False
            self.fields[part].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        if "test_file" in self.fields and self.cleaned_data.get("validation") is not None:
            self.cleaned_data |= {"train": 100 - self.cleaned_data["validation"], "test": 0}
        return super().clean()

    def options(self) -> dict[str, Any]:
        """What differs from the engine's defaults (see Split.options)."""
        asked = {"strategy": self.strategy, "column": self.cleaned_data.get("column", "")}
        if "drop_leaked" in self.fields:
            asked["drop_leaked"] = self.cleaned_data["drop_leaked"]
        return {name: value for name, value in asked.items() if value != getattr(PLAIN, name)}
