"""The form that starts a review."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from engine.evaluation.review_drawing import LEAST_SYSTEMS, MOST_ROWS, MOST_SYSTEMS
from eval_app.models import Evaluation
from projects_app.models import Role

PICKS = (
    ("random", "At random from all rows: the result stands for the whole evaluation"),
    ("different", "At random from the rows where the answers differ: no row drawn in vain"),
)


class ReviewForm(forms.Form):
    systems = forms.MultipleChoiceField(
        label="Systems to compare",
        widget=forms.CheckboxSelectMultiple,
        help_text=f"{LEAST_SYSTEMS} for A/B, {MOST_SYSTEMS} for A/B/C. Reviewers see answers without names.",
    )
    rows = forms.IntegerField(
        label="Rows", min_value=1, max_value=MOST_ROWS, initial=40,
        help_text="With 40 decided rows, a system preferred on two thirds is just seen to be better.",
    )  # fmt: skip
    pick = forms.ChoiceField(
        label="Which rows", choices=PICKS, widget=forms.RadioSelect, initial="random",
        help_text="Rows to which all systems give the same answer are not shown; they are counted.",
    )  # fmt: skip
    reviewers = forms.MultipleChoiceField(
        label="Reviewers", widget=forms.CheckboxSelectMultiple, help_text="Members and owners of the project."
    )
    overlap = forms.IntegerField(
        label="Rows that everybody sees", min_value=0, max_value=100, initial=100,
        help_text="Of several reviewers. On these their agreement is measured; each other row goes to one person.",
    )  # fmt: skip
    show_reference = forms.BooleanField(
        required=False, label="Show the reference answer",
        help_text="It helps where right and wrong are plain, and pulls reviewers to its wording where they are not.",
    )  # fmt: skip
    instructions = forms.CharField(
        required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What “better” means here. Reviewers have it in sight on every item.",
    )  # fmt: skip
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, initial=42, help_text="The same seed draws the same rows and orders."
    )

    def __init__(self, *args: Any, evaluation: Evaluation, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        systems = [(system.key, system.name) for system in evaluation.systems.all()]
        self.fields["systems"].choices = systems  # type: ignore[attr-defined]
        self.fields["systems"].initial = [key for key, _ in systems][:LEAST_SYSTEMS]
        self.fields["reviewers"].choices = reviewers_of(evaluation)  # type: ignore[attr-defined]
        self.fields["reviewers"].initial = [str(user.pk)]
        rows = self.fields["rows"]
        rows.initial = max(1, min(rows.initial, evaluation.rows.count()))
        self.fields["overlap"].unit = "%"  # type: ignore[attr-defined]

    def clean_systems(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["systems"]
        if not LEAST_SYSTEMS <= len(chosen) <= MOST_SYSTEMS:
            raise forms.ValidationError(f"Choose {LEAST_SYSTEMS} or {MOST_SYSTEMS} systems; {len(chosen)} are ticked.")
        return chosen


def reviewers_of(evaluation: Evaluation) -> list[tuple[str, str]]:
    people = evaluation.project.memberships.exclude(role=Role.READER).select_related("user").order_by("user__username")
    return [(str(one.user_id), one.user.username) for one in people]
