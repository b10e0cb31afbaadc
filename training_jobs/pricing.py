"""What an hour of a device costs, and so a run: prices are a project's own, for no list of ours would stay true."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from engine import device
from engine.decision.cards import CARDS
from projects_app.access import get_project
from projects_app.models import Project, Role
from training_jobs.models import PriceList

HERE = "here"


def devices() -> list[tuple[str, str]]:
    """(key, name): this machine, then the named cards."""
    return [(HERE, f"This machine ({device.describe().name})"), *((card.name, card.name) for card in CARDS)]


class PricesForm(forms.Form):
    currency = forms.CharField(max_length=8, label="Currency", help_text="As it should stand behind an amount.")

    def __init__(self, prices: PriceList, data: Any = None) -> None:
        super().__init__(data, initial={"currency": prices.currency})
        for place, (key, name) in enumerate(devices()):
            self.fields[f"price-{place}"] = forms.DecimalField(
                label=name,
                min_value=0,
                max_value=100_000,
                decimal_places=4,
                required=False,
                initial=prices.per_hour.get(key),
                help_text="Price of an hour. Empty: not known, and no cost is shown.",
            )

    def per_hour(self) -> dict[str, float]:
        found = ((key, self.cleaned_data[f"price-{place}"]) for place, (key, _) in enumerate(devices()))
        return {key: float(price) for key, price in found if price is not None}


def price_list(project: Project) -> PriceList:
    """The project's prices; an unsaved, empty list where there are none."""
    return PriceList.objects.filter(project=project).first() or PriceList(project=project)


@require_http_methods(["GET", "POST"])
def prices(request: HttpRequest, project_id: int) -> HttpResponse:
    """Prices of an hour by device, in one table."""
    project = get_project(request, project_id, Role.MEMBER)
    known = price_list(project)
    form = PricesForm(known, request.POST if request.method == "POST" else None)
    if form.is_valid():
        values = {"currency": form.cleaned_data["currency"], "per_hour": form.per_hour()}
        PriceList.objects.update_or_create(project=project, defaults=values)
        messages.success(request, "The prices are kept; the preview of a new run shows what it costs.")
        return redirect("launch", project.pk)
    context = {"project": project, "form": form}
    return render(request, "training_jobs/prices.html", context, status=400 if form.is_bound else 200)


def cost_range(per_hour: float | None, low_s: float, high_s: float, currency: str) -> str:
    """A range of seconds as a range of money; empty where the price is not known."""
    if per_hour is None:
        return ""
    if not per_hour:
        return f"0 {currency}"
    low, high = (per_hour * seconds / 3600 for seconds in (low_s, high_s))
    if high < 0.01:
        return f"under 0.01 {currency}"
    digits = 2 if high < 100 else 0
    least, most = f"{low:,.{digits}f}", f"{high:,.{digits}f}"
    return f"about {most} {currency}" if least == most else f"{least} to {most} {currency}"
