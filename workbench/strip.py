"""The strip on every page of a project: its stages, the state of each, a link there."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from datasets_app import decisions
from datasets_app.models import Audit, Split
from eval_app.models import Evaluation
from projects_app.models import Project
from training_jobs.models import TrainingJob


def stops(project: Project, current: str = "") -> list[dict[str, Any]]:
    """Data → Train → Evaluate as ``{name, url, state, current}``."""
    return [
        {
            "name": name,
            "url": reverse(url, args=[project.pk]),
            "state": state(project),
            "current": name == current,
        }
        for name, url, state in STAGES
    ]


def _data(project: Project) -> str:
    # A held-out file that others are only compared with is not what the project trains on.
    compared_with = Audit.objects.filter(against__isnull=False).values("against")
    audits = Audit.objects.filter(version__dataset__project=project).exclude(version__in=compared_with)
    audit = audits.order_by("-id").first()
    if audit is None:
        return "No data yet"
    if audit.document is None:
        return f"Audit {audit.run.get_status_display().lower()}" if audit.run.has_ended else "Being audited"
    if audit.refused:
        return "Not readable"
    grade = str(decisions.judged(audit.version, audit).get("readiness", {}).get("grade", "Audited"))
    split = Split.objects.filter(version__dataset__project=project, result__isnull=False).exists()
    return f"{grade.capitalize()}, split" if split else grade.capitalize()


def _train(project: Project) -> str:
    job = TrainingJob.objects.filter(project=project).select_related("run").first()
    return job.run.get_status_display() if job else "No run yet"


def _evaluate(project: Project) -> str:
    evaluation = Evaluation.objects.filter(project=project).select_related("run").first()
    if evaluation is None:
        return "Not measured"
    if evaluation.results is None:
        return evaluation.run.get_status_display()
    return str(evaluation.results.get("verdict", {}).get("word", "Measured")).capitalize()


STAGES = (
    ("Data", "data", _data),
    ("Train", "train", _train),
    ("Evaluate", "evaluate", _evaluate),
)
