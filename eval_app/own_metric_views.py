"""A project's own metrics: the list, one of them, and trying an expression on a row before it is saved."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from eval_app.own_metric_forms import OwnMetricForm, try_out
from eval_app.own_metric_models import OwnMetric
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role


@require_http_methods(["GET", "POST"])
def own_metrics(request: HttpRequest, project_id: int) -> HttpResponse:
    """The list, and the form that adds one."""
    project = get_project(request, project_id, Role.READER if request.method == "GET" else Role.MEMBER)
    assert isinstance(request.user, User)
    form = OwnMetricForm(request.POST if request.method == "POST" else None, project=project)
    if request.method == "POST" and form.is_valid():
        form.instance.created_by = request.user
        added = form.save()
        messages.success(request, f"{added.label} is saved. Evaluations that start from now on measure it.")
        return redirect("own_metrics", project.pk)
    return _list_page(request, project, form)


@require_http_methods(["GET", "POST"])
def own_metric(request: HttpRequest, project_id: int, metric_id: int) -> HttpResponse:
    """One metric and its form."""
    project = get_project(request, project_id, Role.READER if request.method == "GET" else Role.MEMBER)
    found = _get(project, metric_id)
    form = OwnMetricForm(request.POST if request.method == "POST" else None, project=project, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"{form.instance.label} is changed. Results that are there keep what it was.")
        return redirect("own_metrics", project.pk)
    context = {**_frame(project), "form": form, "metric": _get(project, metric_id), **_tried(request, project, form)}
    return render(request, "eval_app/own_metric.html", context, status=400 if form.is_bound else 200)


@require_POST
def try_expression(request: HttpRequest, project_id: int) -> HttpResponse:
    """What the form's expression gives on one row: the fragment, or without JavaScript the page with it."""
    project = get_project(request, project_id, Role.MEMBER)
    form = OwnMetricForm(request.POST, project=project)
    if request.headers.get("HX-Request"):
        return render(request, "eval_app/_own_metric_tried.html", _tried(request, project, form))
    kept = OwnMetricForm(initial=request.POST.dict(), project=project)
    metric = request.POST.get("metric", "")
    if metric.isdecimal():
        context = {**_frame(project), "form": kept, "metric": _get(project, int(metric))}
        return render(request, "eval_app/own_metric.html", {**context, **_tried(request, project, form)})
    return _list_page(request, project, kept, **_tried(request, project, form))


@require_POST
def delete(request: HttpRequest, project_id: int, metric_id: int) -> HttpResponse:
    project = get_project(request, project_id, Role.MEMBER)
    found = _get(project, metric_id)
    found.delete()
    messages.success(request, f"{found.label} is deleted. Results that have it keep it.")
    return redirect("own_metrics", project.pk)


def _list_page(request: HttpRequest, project: Project, form: OwnMetricForm, **more: Any) -> HttpResponse:
    context = {
        **_frame(project),
        "metrics": project.own_metrics.select_related("created_by"),
        "form": form,
        **_tried(request, project, form),
        **more,
    }
    return render(request, "eval_app/own_metrics.html", context, status=400 if form.is_bound else 200)


def _frame(project: Project) -> dict[str, Any]:
    return {"project": project, "can_write": can_write(project.role)}


def _tried(request: HttpRequest, project: Project, form: OwnMetricForm) -> dict[str, Any]:
    """The expression of the form on the row that was asked for; nothing where none was written."""
    given = request.POST if request.method == "POST" else form.initial
    expression = str(given.get("expression") or "").strip()
    asked = request.POST.get("row", "1")
    number = int(asked) if asked.isdecimal() and int(asked[:9]) > 0 else 1
    tried = try_out(project, expression, str(given.get("unit") or "share"), number) if expression else []
    return {"tried": tried, "row": number, "expression": expression, "tried_unit": given.get("unit") or "share"}


def _get(project: Project, metric_id: int) -> OwnMetric:
    found = OwnMetric.objects.filter(project=project, pk=metric_id).first()
    if found is None:
        raise Http404("No such metric in this project.")
    return found
