"""Who judges an evaluation's pairs, as it is chosen on the form, and what the engine is told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError
from engine.evaluation.judging import JUDGE_KEY_VARIABLE, MOST_INSTRUCTIONS, ROWS
from models_app.models import BaseModel, Endpoint
from models_app.sealing import Unreadable
from projects_app.models import Project
from runs_app.models import Run
from training_jobs.models import Checkpoint

MOST_ROWS = 2000


def choices(project: Project) -> list[tuple[str, str]]:
    """(value, label): the project's endpoints, this machine's models, and the best checkpoint of each run."""
    endpoints = [(f"endpoint:{one.pk}", f"{one.name} (endpoint)") for one in project.endpoints.all()]
    models = [(f"model:{one.pk}", one.name) for one in BaseModel.objects.all()]
    best = Checkpoint.objects.filter(job__project=project, is_best=True).select_related("job").order_by("-job_id")
    tuned = [(f"checkpoint:{one.pk}", f"{one.job.name}, step {one.step}") for one in best[:20] if one.is_there]
    return [*endpoints, *models, *tuned]


def read(project: Project, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """`judge` of spec.json by the form's fields; None where nobody is chosen. Raises EngineError("Config")."""
    chosen = str(data.get("judge") or "")
    if not chosen:
        return None
    rows = str(data.get("judge_rows") or ROWS).strip()
    instructions = str(data.get("judge_instructions") or "").strip()
    if not (rows.isdecimal() and 0 < int(rows[:9]) <= MOST_ROWS):
        raise EngineError(
            "Config", f"Judged rows: “{rows[:40]}” cannot be asked.", f"Give a whole number from 1 to {MOST_ROWS}."
        )
    if len(instructions) > MOST_INSTRUCTIONS:
        raise EngineError(
            "Config",
            f"The judge's instructions have {len(instructions)} characters.",
            f"{MOST_INSTRUCTIONS} are allowed.",
        )
    return {**_teacher(project, chosen), "rows": int(rows), "instructions": instructions}


def judge_key(run: Run) -> dict[str, str]:
    """The key of the endpoint that judges a run, for the environment of its process. Without it the engine says so."""
    path = run.directory / "spec.json"
    judge = (json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}).get("judge") or {}
    found = Endpoint.objects.filter(project_id=run.project_id, pk=judge.get("key_of") or 0).first()
    try:
        key = found.key() if found is not None else ""
    except Unreadable:
        return {}
    return {JUDGE_KEY_VARIABLE: key} if key else {}


def _teacher(project: Project, chosen: str) -> dict[str, Any]:
    kind, _, number = chosen.partition(":")
    pk = int(number) if number.isdecimal() and len(number) < 10 else 0
    if kind == "endpoint" and (endpoint := project.endpoints.filter(pk=pk).first()):
        return {**endpoint.for_engine(), "key_of": str(endpoint.pk)}
    if kind == "model" and (model := BaseModel.objects.filter(pk=pk).first()):
        return {"kind": "model", "name": model.name, "path": str(model.path)}
    if kind == "checkpoint":
        found = Checkpoint.objects.filter(job__project=project, pk=pk).select_related("job__base_model").first()
        if found is not None and found.is_there:
            name = f"{found.job.name}, step {found.step}"
            if (found.path / "adapter_config.json").is_file():
                base = str(found.job.base_model.path)
                return {"kind": "model", "name": name, "path": base, "adapter": str(found.path)}
            return {"kind": "model", "name": name, "path": str(found.path)}
    raise EngineError("Config", "The judge that was chosen is not there any more.", "Choose another, or none.")
