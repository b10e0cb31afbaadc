"""The repair page: operations chosen from the engine's table, tried out as a diff, then applied as one new version."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from datasets_app import baskets, decisions, launching, marks, previews, repair_forms, reports
from datasets_app.models import DatasetVersion
from datasets_app.repair_forms import Section
from datasets_app.views.groups import KINDS
from engine.data.errors import DataError

WORDS = {"dropped": "goes", "changed": "changes", "added": "is new"}


def page(request: HttpRequest, found: DatasetVersion) -> HttpResponse:
    """GET: what can be done (?op=NAME is chosen already). POST ``preview``: the form with the diff. ``apply``: the run.
    What was typed is kept in each case."""
    try:
        audit = launching.audit_of(found)
    except launching.NotReady as why:
        return _answer(request, found, None, {"note": str(why)}, status=400 if request.method == "POST" else 200)
    document = decisions.judged(found, audit)
    data = request.POST if request.method == "POST" else None
    picked, reviewed = tuple(request.GET.getlist("op")), marks.reviewed(found.dataset)
    models = launching.models_for(found, audit)
    sections = repair_forms.sections(document["findings"], data, picked, reviewed, document.get("fine"), models)
    if data is None:
        return _answer(request, found, document, {}, sections)
    invalid = [section for section in sections if not section.is_valid()]
    if any(section.is_on for section in invalid):
        return _answer(request, found, document, {"note": "Look at the marked settings."}, sections, status=422)
    operations = reports.sparing(repair_forms.chosen(sections), document)
    if not operations:
        return _answer(request, found, document, {"note": "Choose at least one operation."}, sections, status=422)
    try:
        if "apply" in data:
            return _applied(request, found, operations)
        made = worded(previews.preview(found, operations)) | {"left_alone": reports.left_alone(operations)}
    except (previews.NoPreview, DataError, launching.NotReady) as why:
        said = {"note": getattr(why, "found", "") or str(why), "remedy": getattr(why, "remedy", "")}
        return _answer(request, found, document, said, sections, status=422)
    return _answer(request, found, document, {"made": made}, sections)


def _applied(request: HttpRequest, version: DatasetVersion, operations: list[dict[str, Any]]) -> HttpResponse:
    assert isinstance(request.user, User)
    repair = launching.start_repair(version, operations, request.user)
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(repair.get_absolute_url())
    return redirect(repair)


def _answer(
    request: HttpRequest,
    version: DatasetVersion,
    document: dict[str, Any] | None,
    more: dict[str, Any],
    sections: list[Section] | None = None,
    status: int = 200,
) -> HttpResponse:
    assert isinstance(request.user, User)
    context = {
        "project": version.dataset.project,
        "version": version,
        "sections": _ordered(sections or [], document or {}),
        "review": [
            (code, KINDS[code][1], finding["count"])
            for finding in (document or {}).get("findings", [])
            if (code := finding["code"]) in KINDS
        ],
        "waiting_count": baskets.of(version, request.user).count(),
        **more,
    }
    template = "datasets_app/repair_choose.html"
    if request.htmx:  # type: ignore[attr-defined]
        template += "#choose"
    return render(request, template, context, status=status)


def _ordered(sections: list[Section], document: dict[str, Any]) -> list[tuple[str, list[Section]]]:
    """The three most valuable, those that answer another finding, the others."""
    if not sections:
        return []
    # An audit of an earlier version of the workbench has no list of operations.
    readiness = document["readiness"]
    named = [one["op"]["op"] for one in readiness.get("top_repairs", [])]
    ops = list(dict.fromkeys(named or [one["repair"] for one in readiness["repairs"] if one.get("repair")]))
    first = sorted((one for one in sections if one.op in ops), key=lambda one: ops.index(one.op))
    second = [one for one in sections if one.answers and one not in first]
    rest = [one for one in sections if one not in first and one not in second]
    return [("Most valuable first", first), ("Answer other findings", second), ("Other operations", rest)]


def worded(made: dict[str, Any]) -> dict[str, Any]:
    """The preview with the sentences that its page shows."""
    titles = {one["op"]: one["title"] for one in made["operations"]}
    known = reports.titles()
    for one in made["operations"]:
        one["gone"] = sum(one["dropped"].values()) + one["left_out"]
        one["reasons"] = ", ".join(f"{known.get(code, code).lower()} {n:,}" for code, n in one["dropped"].items())
        one["seen"] = "" if made["whole"] else f"of the first {made['looked_at']:,} rows"
        if one["flagged"]:
            one["seen"] = f"{one['seen']}{'; ' if one['seen'] else ''}{one['flagged']:,} in the whole file by the audit"
        one["all_new"] = (one["added"] or 0) + one["more"]
        one["does_nothing"] = not (one["gone"] or one["changed"] or one["all_new"] or one["flagged"])
    for example in made["examples"]:
        row = f"Line {example['line']:,}" if example["line"] else "A row"
        example["words"] = f"{row} {WORDS[example['kind']]}"
        example["one_kind"] = example["kind"] != "changed"
        example["titles"] = ", ".join(titles.get(op, op) for op in example["ops"])
    made["honest"] = (
        f"Changes were tried on the first {made['looked_at']:,} rows that stay; applying goes through all of them. "
        "Rows that go are counted in the whole file."
    )
    return made
