"""Mix: rows of this version with general rows at a ratio, as a new version in which every row says its source."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from datasets_app import launching, mixing
from datasets_app.views.versions import get_version
from projects_app.models import Role


@require_http_methods(["GET", "POST"])
def mix(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """GET with what was chosen so far counts what the mix will hold; POST makes it."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    asked = request.POST if request.method == "POST" else request.GET
    form = mixing.MixForm(found, asked or None)
    note, outlook = "", None
    if form.is_bound and form.is_valid():
        outlook = mixing.outlook(found, form.cleaned_data["other"], form.cleaned_data["ratio"] / 100)
        if request.method == "POST":
            try:
                return redirect(launching.start_repair(found, [form.operation()], request.user))
            except launching.NotReady as why:
                note = str(why)
    failed = request.method == "POST" and bool(note or form.errors or not form.is_bound)
    page = "datasets_app/mix.html#choice" if request.htmx else "datasets_app/mix.html"  # type: ignore[attr-defined]
    context = {
        "project": found.dataset.project,
        "version": found,
        "form": form,
        "outlook": outlook,
        "other": form.cleaned_data.get("other") if form.is_bound and form.is_valid() else None,
        "note": note,
        "has_others": form.fields["other"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render(request, page, context, status=400 if failed else 200)
