"""The gates of a project, and deciding an evaluation anew by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from engine.evaluation.limits import GateLimits
from engine.training.options import SpecError, describe
from eval_app.access import get_evaluation
from eval_app.verdict_models import GateSettings, limits_of
from eval_app.verdicts import decide_again
from projects_app.access import can_write, get_project
from projects_app.models import Role
from training_jobs.option_fields import option_fields

GROUPS = {"gain": "How much better, on how much", "harm": "What must not get worse", "use": "In use"}
SHOWN = 20


class GatesForm(forms.Form):
    """One field for each limit of the engine's table; what does not go together is said beside its field."""

    limits: GateLimits

    def __init__(self, initial: GateLimits, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields.update(option_fields(GateLimits, initial=initial))

    def groups(self) -> list[tuple[str, list[BoundField]]]:
        items = describe(GateLimits)
        return [(title, [self[item.name] for item in items if item.group == group]) for group, title in GROUPS.items()]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.limits = GateLimits(**found)
                self.limits.check()
            except SpecError as error:
                self.add_error(error.field.rpartition(".")[2], f"{error.found[:120]}. {error.remedy}")
        return found


@require_http_methods(["GET", "POST"])
def gates(request: HttpRequest, project_id: int) -> HttpResponse:
    """The form with what is in force, and who changed what before."""
    project = get_project(request, project_id, Role.READER if request.method == "GET" else Role.MEMBER)
    now = limits_of(project)
    form = GatesForm(now, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        if form.limits == now:
            messages.info(request, "Nothing was changed: these gates are in force already.")
        else:
            GateSettings.objects.create(project=project, limits=form.limits.to_json(), changed_by=request.user)
            messages.success(
                request, "Saved. Verdicts that were made before stay as they are; decide again to use these."
            )
        return redirect("gates", project.pk)
    changes = list(project.gate_settings.select_related("changed_by")[: SHOWN + 1])
    context = {
        "project": project,
        "can_write": can_write(project.role),
        "form": form,
        "changes": [
            (change, differences((changes[at + 1].limits if at + 1 < len(changes) else {}), change.limits))
            for at, change in enumerate(changes[:SHOWN])
        ],
    }
    return render(request, "eval_app/gates.html", context, status=400 if form.errors else 200)


@require_POST
def decide(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    """The verdict by the gates that are in force now, beside those that were made before."""
    found = get_evaluation(request, project_id, evaluation_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if not found.results:
        messages.error(request, "There is nothing to decide yet: the evaluation has no results. Wait until it is done.")
        return redirect(found)
    _, new = decide_again(found, limits_of(found.project), request.user)
    if new:
        messages.success(request, "Decided by the gates that are in force now. The verdict before it is kept below.")
    else:
        messages.info(request, "The same figures and the same gates give the verdict that is there.")
    return redirect(reverse("evaluation", args=[found.project_id, found.pk]))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(label, before, after) of every limit that was changed."""
    rows = []
    for item in describe(GateLimits):
        old, new = before.get(item.name, item.default), after.get(item.name, item.default)
        if old != new:
            rows.append((item.label, _told(old, item.unit), _told(new, item.unit)))
    return rows


def _told(value: Any, unit: str) -> str:
    if value is None:
        return "none"
    return f"{value:g} {unit}".strip() if isinstance(value, int | float) else str(value)
