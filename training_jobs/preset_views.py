"""Presets: settings of a project under a name. Saved from the launch form or an Axolotl file, loaded into it, copied,
taken out as YAML; and the same files of one run."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.errors import EngineError
from engine.interop import axolotl, trl_script
from engine.training.spec import TrainingSpec
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role
from training_jobs import launching
from training_jobs.models import Preset
from training_jobs.views import get_job, launch_context

LONGEST_NAME = 80


class ImportForm(forms.Form):
    name = forms.CharField(
        max_length=LONGEST_NAME, label="Name", help_text="What the list and the launch form will call it."
    )
    text = forms.CharField(
        max_length=axolotl.LARGEST,
        label="Axolotl configuration",
        help_text="The YAML as it is. Lines that have no place here are listed, not dropped.",
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
    )


def get_preset(request: HttpRequest, project_id: int, preset_id: int, need: Role = Role.READER) -> Preset:
    """The preset, reached through its project: 404 for strangers, 403 below ``need``."""
    project = get_project(request, project_id, need)
    found = Preset.objects.filter(project=project, pk=preset_id).first()
    if found is None:
        raise Http404("No such preset in this project.")
    found.project = project
    return found


@require_http_methods(["GET", "POST"])
def presets(request: HttpRequest, project_id: int) -> HttpResponse:
    """The list; a configuration that is pasted becomes a preset."""
    need = Role.MEMBER if request.method == "POST" else Role.READER
    project = get_project(request, project_id, need)
    form = ImportForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            found = axolotl.read(form.cleaned_data["text"])
        except EngineError as error:
            form.add_error("text", f"{error.text} {error.remedy}")
        else:
            assert isinstance(request.user, User)
            sections = {
                "training": found.training,
                "method_options": found.method_options,
                "adapter_options": found.adapter_options,
            }
            left_out = [one.to_json() for one in found.left_out]
            name = form.cleaned_data["name"]
            preset = _keep(project, request.user, name, found.method, found.adapter, sections, left_out)
            messages.success(request, f"{preset} is kept. Lines without a place here: {len(left_out)}.")
            return redirect("presets", project.pk)
    context = {
        "project": project,
        "presets": project.presets.select_related("created_by"),
        "form": form,
        "can_write": can_write(project.role),
    }
    return render(request, "training_jobs/presets.html", context, status=400 if form.is_bound else 200)


@require_POST
def save(request: HttpRequest, project_id: int) -> HttpResponse:
    """The settings that stand in the launch form, under a name; one of that name is replaced."""
    project = get_project(request, project_id, Role.MEMBER)
    assert isinstance(request.user, User)
    launch = launching.typed(project, request.POST)
    name = request.POST.get("preset_name", "").strip()[:LONGEST_NAME]
    if not name or launch.moved or not launch.settings.is_valid():
        why = "Give the preset a name." if not name else "Some settings cannot be kept as they stand: mend them first."
        messages.error(request, f"{why} Nothing was kept.")
        return render(request, "training_jobs/launch.html", launch_context(launch), status=400)
    form = launch.settings
    sections = {
        "training": form.section(""),
        "method_options": form.section("method__"),
        "adapter_options": form.section("adapter__"),
    }
    preset = _keep(project, request.user, name, launch.basis.method, launch.basis.adapter, sections, [])
    messages.success(request, f"{preset} is kept among the presets of this project.")
    return redirect(f"{reverse('launch', args=[project.pk])}?preset={preset.pk}")


@require_POST
def copy(request: HttpRequest, project_id: int, preset_id: int) -> HttpResponse:
    preset = get_preset(request, project_id, preset_id, Role.MEMBER)
    assert isinstance(request.user, User)
    taken = set(preset.project.presets.values_list("name", flat=True))
    names = (f"{preset.name[: LONGEST_NAME - 12]} copy{f' {n}' if n > 1 else ''}" for n in range(1, 10_000))
    name = next(name for name in names if name not in taken)
    _keep(preset.project, request.user, name, preset.method, preset.adapter, preset.values, preset.left_out)
    return redirect("presets", project_id)


@require_POST
def delete(request: HttpRequest, project_id: int, preset_id: int) -> HttpResponse:
    preset = get_preset(request, project_id, preset_id, Role.MEMBER)
    preset.delete()
    messages.success(request, f"{preset.name} is gone. Runs that were started with it are as they were.")
    return redirect("presets", project_id)


@require_GET
def preset_yaml(request: HttpRequest, project_id: int, preset_id: int) -> HttpResponse:
    """The preset as Axolotl's YAML, without data and model, which it does not name."""
    preset = get_preset(request, project_id, preset_id)
    document = {
        "model": {"path": "", "name": "your base model"},
        "data": {"train": "", "validation": "validation.jsonl", "system_prompt": preset.project.system_prompt},
        "method": preset.method,
        "adapter": preset.adapter,
        "teacher": {"path": "", "name": "your teacher"},
        **preset.values,
    }
    return _exported(
        request, document, axolotl.export, f"preset-{preset.pk}.yaml", reverse("presets", args=[project_id])
    )


@require_GET
def run_yaml(request: HttpRequest, project_id: int, job_id: int) -> HttpResponse:
    """A run's settings as Axolotl's YAML."""
    job = get_job(request, project_id, job_id)
    return _exported(request, job.spec, axolotl.export, f"run-{job.run_id}.yaml", job.get_absolute_url())


@require_GET
def run_script(request: HttpRequest, project_id: int, job_id: int) -> HttpResponse:
    """A run as a plain trl script."""
    job = get_job(request, project_id, job_id)
    return _exported(request, job.spec, trl_script.export, f"run-{job.run_id}.py", job.get_absolute_url())


def _exported(request: HttpRequest, document: dict[str, Any], write: Any, name: str, back: str) -> HttpResponse:
    try:
        text = write(TrainingSpec.from_json(document))
    except EngineError as error:
        messages.error(request, f"{error.text} {error.remedy}")
        return redirect(back)
    headers = {"Content-Disposition": content_disposition_header(True, name) or ""}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _keep(project: Project, user: User, name: str, method: str, adapter: str, values: Any, left_out: Any) -> Preset:
    preset, _ = Preset.objects.update_or_create(
        project=project,
        name=name,
        defaults={"method": method, "adapter": adapter, "values": values, "left_out": left_out, "created_by": user},
    )
    return preset
