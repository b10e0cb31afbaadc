"""Two runs of a project side by side: what they were given and what came of it, differences first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engine.training.spec import TrainingOptions
from projects_app.access import get_project
from projects_app.models import Project
from training_jobs import measures
from training_jobs.models import TrainingJob


@dataclass(frozen=True, slots=True)
class Pair:
    """A setting of both; an en dash where a run has no such setting."""

    group: str
    label: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        return self.first != self.second


@require_GET
def compare_runs(request: HttpRequest, project_id: int) -> HttpResponse:
    """What differs between the runs ``a`` and ``b`` of the query; everything with ``all=1``."""
    project = get_project(request, project_id)
    first, second = (_job(project, request.GET.get(name)) for name in ("a", "b"))
    pairs = _pairs(first, second)
    context = {
        "project": project,
        "first": first,
        "second": second,
        "pairs": pairs if request.GET.get("all") else [pair for pair in pairs if pair.differs],
        "total": len(pairs),
        "differing": sum(pair.differs for pair in pairs),
    }
    return render(request, "training_jobs/compare.html", context)


def _job(project: Project, number: str | None) -> TrainingJob:
    jobs = measures.with_results(TrainingJob.objects.filter(project=project))
    found = jobs.select_related("run", "split__version__dataset", "base_model")
    job = found.filter(pk=int(number)).first() if number and number.isdecimal() and len(number) < 16 else None
    if job is None:
        raise Http404("No such training run in this project.")
    return job


def _pairs(first: TrainingJob, second: TrainingJob) -> list[Pair]:
    """What the runs are of, then every setting that either has, in the order of the first."""
    about = [
        Pair("What the run is of", label, before, after)
        for (label, before), (_, after) in zip_longest(_about(first), _about(second))
    ]
    before, after = _settings(first), _settings(second)
    keys = dict.fromkeys([*before, *after])
    return [*about, *(Pair(*key, before.get(key, "–"), after.get(key, "–")) for key in keys)]


def _about(job: TrainingJob) -> list[tuple[str, str]]:
    data = job.spec.get("data") or {}
    return [
        ("Method", job.method_label),
        ("What trains", job.adapter_label),
        ("Base model", job.base_model.name),
        ("Teacher", (job.spec.get("teacher") or {}).get("name") or "–"),
        ("Data", f"{job.split.version}, split {job.split_id}"),
        ("Replay source", data.get("replay_name") or "–"),
        ("System prompt", data.get("system_prompt") or "–"),
    ]


def _settings(job: TrainingJob) -> dict[tuple[str, str], str]:
    table = measures.settings_table(job, TrainingOptions())
    return {(group, row.label): f"{row.value} {row.unit}".strip() for group, rows in table for row in rows}
