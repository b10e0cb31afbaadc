"""Parts of a run's page that read what the run told."""

from __future__ import annotations

from typing import Any

from django import template

from training_jobs import expectations
from training_jobs.models import TrainingJob

register = template.Library()


@register.inclusion_tag("training_jobs/_expected.html")
def run_expected(job: TrainingJob) -> dict[str, Any]:
    """Estimate beside what was measured, and the first batch as the model saw it."""
    return {"rows": expectations.expectations(job), "batch": expectations.first_batch(job.run)}
