"""The Train stage: the runs of a project, the launch form with its preview, and the page of one run."""

from __future__ import annotations

import json
from math import prod
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from datasets_app.views.versions import get_version
from engine.evaluation.metrics import METRICS
from projects_app.access import can_write, get_project
from projects_app.models import Role
from runs_app import logs
from runs_app.models import ACTIVE, Status
from training_jobs import archives, launching, learning, measures, planning, repeating
from training_jobs.forms import ready_splits
from training_jobs.models import Preset, TrainingJob
from training_jobs.plan_kinds import PLANS
from training_jobs.tradeoff import tradeoff

RUNS_A_PAGE = 50
PLANS_SHOWN = 5
FILTERS = {
    "active": [Status.QUEUED, *ACTIVE],
    "succeeded": [Status.SUCCEEDED],
    "failed": [Status.FAILED],
    "stopped": [Status.CANCELLED],
}
SORTS = {
    "run": "run_id",
    "name": "name",
    "state": "run__status",
    "base": "base_model__name",
    "loss": "loss",
    "age": "run__queued_at",
}


def get_job(request: HttpRequest, project_id: int, job_id: int) -> TrainingJob:
    """The job, reached through its project: 404 for strangers."""
    project = get_project(request, project_id)
    jobs = TrainingJob.objects.select_related("run__created_by", "split__version__dataset", "base_model")
    job = jobs.filter(project=project, pk=job_id).first()
    if job is None:
        raise Http404("No such training run in this project.")
    job.project = job.run.project = project
    return job


@require_GET
def train(request: HttpRequest, project_id: int) -> HttpResponse:
    """The runs of the project; the table alone when htmx asks for it."""
    project = get_project(request, project_id)
    jobs = TrainingJob.objects.filter(project=project).select_related("run", "base_model")
    states = {key: jobs.filter(run__status__in=wanted).count() for key, wanted in FILTERS.items()}
    shown = _sorted(measures.with_results(_filtered(jobs, request)), request.GET.get("sort", ""))
    page = Paginator(shown, RUNS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "can_write": can_write(project.role),
        "page": page,
        "states": states,
        "total": jobs.count(),
        "has_split": ready_splits(project).exists(),
        "moving": any(not job.run.has_ended for job in page),
        "plans": project.plans.all()[:PLANS_SHOWN],
        "plan_kinds": [(key, kind.title) for key, kind in PLANS.items()],
    }
    return render(request, _part(request, "training_jobs/train.html", "runs"), context)


@require_http_methods(["GET", "POST"])
def launch(request: HttpRequest, project_id: int) -> HttpResponse:
    """The launch form; a valid one becomes a queued run. What was typed stays when it is not valid."""
    project = get_project(request, project_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if request.method == "GET":
        source = TrainingJob.objects.filter(project=project, pk=_number(request.GET.get("from"))).first()
        preset = Preset.objects.filter(project=project, pk=_number(request.GET.get("preset"))).first()
        form = launching.fresh(project, split_id=_number(request.GET.get("split")), source=source, preset=preset)
        return render(request, "training_jobs/launch.html", launch_context(form))
    form = launching.typed(project, request.POST)
    preview = planning.preview(form)
    # Settings that have just followed a new choice are shown before they are run.
    if preview.ready and preview.spec is not None and not form.moved and "refresh" not in request.POST:
        return redirect(launching.start(form, preview.spec, request.user, preview.estimate).run)
    status = 200 if "refresh" in request.POST or (form.moved and preview.ready) else 400
    return render(request, "training_jobs/launch.html", launch_context(form, preview), status=status)


@require_POST
def launch_preview(request: HttpRequest, project_id: int) -> HttpResponse:
    """The preview card for what stands in the form; with new choices, the settings that follow them as well."""
    project = get_project(request, project_id, Role.MEMBER)
    form = launching.typed(project, request.POST)
    return render(request, "training_jobs/_answer.html", launch_context(form, planning.preview(form)))


@require_GET
def training_job(request: HttpRequest, project_id: int, job_id: int) -> HttpResponse:
    """One run: its state, curves, probes, checkpoints, log and settings; only what it measured when htmx asks."""
    job = get_job(request, project_id, job_id)
    run = job.run
    probes = measures.probes(run, job.forgetting_limit)
    query = request.GET.get("q", "")[:200]
    context: dict[str, Any] = {
        "project": job.project,
        "job": job,
        "run": run,
        "can_write": can_write(job.project.role),
        "latest": measures.latest(run),
        "probes": probes,
        "cards": measures.cards(job, probes),
        "measuring": measures.measuring(run),
        "task": METRICS[job.task_metric] if job.task_metric else None,
        "warnings": measures.warnings(run),
        "checkpoints": (checkpoints := list(job.checkpoints.select_related("job__run"))),
        "best": job.best_checkpoint,
        "tradeoff": (curve := tradeoff(job, {one.step for one in checkpoints if one.is_there})),
        "saved": [(one, curve.measured.get(one.step)) for one in checkpoints],
    }
    if request.headers.get("HX-Target") == "measured":
        return render(request, "training_jobs/job.html#measured", context)
    basis = launching.Basis(job.project, job.split, job.base_model, job.method, job.adapter)
    settings = measures.settings_table(job, basis.suggestion.options)
    context |= {
        "query": query,
        "log": "\n".join(logs.tail(run.directory / "console.log", query)),
        "settings": settings,
        "changed": sum(row.differs for _, rows in settings for row in rows),
        "facts": _facts(job),
        "record": repeating.facts(job),
        "exports": job.exports.select_related("run", "checkpoint__job"),
        "panels": (panels := measures.panels(job.method, job.task_metric)),
        "panels_json": json.dumps(panels),
        "limit_text": f"{job.forgetting_limit:g}",
        "chart_name": f"run-{run.pk}",
        "evaluate_url": _evaluate_url(project_id) if run.has_ended and job.best_checkpoint else "",
    }
    return render(request, "training_jobs/job.html", context)


@require_GET
def record(request: HttpRequest, project_id: int, job_id: int) -> HttpResponseBase:
    """What it takes to repeat the run, as an archive."""
    job = get_job(request, project_id, job_id)
    try:
        return archives.respond(repeating.entries(job), f"run-{job.run_id}-record.zip")
    except FileNotFoundError:
        raise Http404("This run has left no record yet: it is written before its first step.") from None


@require_GET
def learning_curve(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """What more rows of a version would bring; the card's inside alone when htmx asks for it."""
    version = get_version(request, project_id, version_id)
    project = version.dataset.project
    context = {
        "project": project,
        "version": version,
        "learned": learning.learned(version),
        "can_write": can_write(project.role),
    }
    part = "#curve" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"training_jobs/learning_curve.html{part}", context)


def launch_context(form: launching.Launch, preview: planning.Preview | None = None) -> dict[str, Any]:
    preview = preview or planning.preview(_as_sent(form))
    return {
        "project": form.project,
        "form": form,
        "choices": form.choices,
        "settings": form.settings,
        "forgetting": form.forgetting,
        "preview": preview,
        "has_split": form.choices.fields["split"].queryset.exists(),  # type: ignore[attr-defined]
        "has_model": form.choices.fields["base_model"].queryset.exists(),  # type: ignore[attr-defined]
    }


def _as_sent(form: launching.Launch) -> launching.Launch:
    """A fresh form as if it had been sent untouched: its card comes by the same way as every later one."""
    data = {name: form.choices.get_initial_for_field(field, name) for name, field in form.choices.fields.items()}
    data |= {name: getattr(data[name], "pk", "") for name in ("split", "base_model")}
    data |= {name: form.settings.typed(name) for name in form.settings.fields} | form.forgetting.typed()
    return launching.typed(form.project, {**data, "basis": form.basis.key})


def _facts(job: TrainingJob) -> list[tuple[str, str]]:
    training = job.spec.get("training", {})
    factors = ("per_device_train_batch_size", "gradient_accumulation_steps", "num_processes")
    batch = prod(training.get(name) or 1 for name in factors)
    prompt = job.spec.get("data", {}).get("system_prompt") or "none of the project's own"
    return [
        ("Method", job.method_label),
        ("What trains", job.adapter_label),
        ("Base model", job.base_model.name),
        ("Rows", f"{job.split.rows('train'):,} to learn, {job.split.rows('validation'):,} to measure"),
        ("Replayed", _replayed(job)),
        ("Effective batch", f"{batch:,} rows"),
        ("System prompt", prompt),
    ]


def _replayed(job: TrainingJob) -> str:
    source = (job.spec.get("data") or {}).get("replay_name")
    event = job.run.events.filter(kind="log", data__code="replay").order_by("-seq").first()
    if event is not None:
        return str(event.data.get("text") or source)
    return f"from {source}" if source else "nothing"


def _filtered(jobs: QuerySet[TrainingJob], request: HttpRequest) -> QuerySet[TrainingJob]:
    wanted = FILTERS.get(request.GET.get("state", ""))
    return jobs.filter(run__status__in=wanted) if wanted else jobs


def _sorted(jobs: QuerySet[TrainingJob], key: str) -> QuerySet[TrainingJob]:
    field = SORTS.get(key.removeprefix("-"))
    if field is None:
        return jobs
    order = F(field).desc(nulls_last=True) if key.startswith("-") else F(field).asc(nulls_last=True)
    return jobs.order_by(order, "-id")


def _part(request: HttpRequest, template: str, name: str) -> str:
    return f"{template}#{name}" if request.headers.get("HX-Target") == name else template


def _evaluate_url(project_id: int) -> str:
    """Where an evaluation of this run begins; the room above this one says so by a name, not by an import."""
    try:
        return reverse("evaluation_start", args=[project_id])
    except NoReverseMatch:
        return ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 16 else 0
