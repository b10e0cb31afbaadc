"""Starting an evaluation: what was chosen becomes its systems, its run and the specification the engine reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from datasets_app.models import DatasetVersion, Split
from datasets_app.review_models import RowTag
from documents_app.keeping import copy_for_run
from engine.errors import EngineError
from engine.evaluation.ranking.finding import find_embedder
from engine.evaluation.systems import KINDS, load
from engine.teachers import key_variable
from engine.training.options import describe
from eval_app.models import Evaluation, System
from eval_app.verdict_models import limits_of
from models_app.models import BaseModel, Endpoint
from models_app.sealing import Unreadable
from projects_app.models import Project
from runs_app import dispatching
from runs_app.models import Run
from training_jobs.models import Checkpoint, TrainingJob
from training_jobs.pricing import HERE, price_list

# Enough to show a difference of about ten points, and a few minutes of a small model's time; the form may ask for more.
ROWS = 200
SUITES = ("general",)
FORGETTING_LIMIT = 0.05
BATCH = 8


@dataclass(frozen=True)
class Chosen:
    """One system as it was chosen; ``options`` are only those that differ from the kind's own."""

    kind: str
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    base_model: BaseModel | None = None
    checkpoint: Checkpoint | None = None
    endpoint: Endpoint | None = None

    @property
    def model(self) -> BaseModel | None:
        """The whole model it runs on; None where none of this machine's does."""
        return self.checkpoint.job.base_model if self.checkpoint else self.base_model

    def option(self, name: str) -> Any:
        default = {item.name: item.default for item in describe(load(self.kind).Options)}
        return self.options.get(name, default.get(name))

    def title(self) -> str:
        """Its own name, else what it is."""
        if self.name:
            return self.name
        model = self.base_model.name if self.base_model else ""
        if self.checkpoint is not None:
            return f"{self.checkpoint.job.name}, step {self.checkpoint.step}"
        words = {
            "base": f"{model} + baseline prompt",
            "prompt": f"{model} + another prompt",
            "few_shot": f"{model} + {self.option('k') if self.kind == 'few_shot' else ''} examples",
            "retrieval": f"{model} + retrieval",
            "model": model,
            "endpoint": self.endpoint.name if self.endpoint else "Endpoint",
        }
        return words.get(self.kind, KINDS[self.kind].label)


@dataclass(frozen=True)
class Plan:
    """All that an evaluation is started with. Its rows are a part of a split, or a whole version."""

    systems: list[Chosen]
    name: str = ""
    split: Split | None = None
    version: DatasetVersion | None = None
    training: Split | None = None
    """Whose training rows examples come from, where it is not the split itself."""
    baseline: int = 0
    limit: int | None = ROWS
    metrics: list[str] = field(default_factory=list)
    primary: str = ""
    suites: list[str] = field(default_factory=lambda: list(SUITES))
    suite_versions: list[DatasetVersion] = field(default_factory=list)
    suite_files: list[dict[str, str]] = field(default_factory=list)
    forgetting_limit: float = FORGETTING_LIMIT
    max_new_tokens: int | None = None
    batch_size: int = BATCH
    judge: dict[str, Any] | None = None
    """As eval_app.judge_choice reads it."""

    @property
    def rows(self) -> Path:
        if self.split is not None:
            return self.split.file("test")
        assert self.version is not None
        return self.version.path

    @property
    def training_split(self) -> Split | None:
        return self.training or self.split

    @property
    def training_rows(self) -> Path | None:
        split = self.training_split
        return split.file("train") if split is not None and split.rows("train") else None

    def titles(self) -> list[str]:
        """The systems' names, each once."""
        found: list[str] = []
        for chosen in self.systems:
            title = chosen.title()[:150]
            number = 2
            while title in found:
                title = f"{chosen.title()[:150]} ({number})"
                number += 1
            found.append(title)
        return found

    def keys(self) -> list[str]:
        found: list[str] = []
        for chosen in self.systems:
            stem = "tuned" if chosen.kind == "checkpoint" else chosen.kind
            number = sum(key == stem or key.startswith(f"{stem}-") for key in found)
            found.append(f"{stem}-{number + 1}" if number else stem)
        return found


def start_evaluation(
    job: TrainingJob,
    checkpoint: Checkpoint,
    user: User,
    *,
    limit: int | None = ROWS,
    judge: dict[str, Any] | None = None,
) -> Evaluation:
    """Queues base against ``checkpoint`` on the split's test rows. Raises EngineError("Data") without any."""
    if not job.split.rows("test"):
        raise EngineError("Data", "The split has no test rows.", "Split the data again with a share for the test.")
    probes = job.spec.get("probes", {})
    plan = Plan(
        systems=[Chosen("base", base_model=job.base_model), Chosen("checkpoint", checkpoint=checkpoint)],
        name=f"{job.name} against the baseline",
        split=job.split,
        limit=limit,
        suites=probes.get("suites", list(SUITES)),
        suite_files=probes.get("files", []),
        forgetting_limit=probes.get("forgetting_limit", FORGETTING_LIMIT),
        judge=judge,
    )
    return start(job.project, plan, user, title=job.name)


def start(project: Project, plan: Plan, user: User, *, title: str = "") -> Evaluation:
    """Queues the evaluation. Raises EngineError for what is not there any more."""
    keys, titles = plan.keys(), plan.titles()
    name = (plan.name or _name_of(plan, titles))[:120]
    with transaction.atomic():
        run = Run.objects.create(
            project=project,
            kind="evaluate",
            title=title or name,
            # Endpoints alone leave the device to others.
            exclusive=settings.RUN_KINDS["evaluate"]["exclusive"] and any(c.model for c in plan.systems),
            created_by=user,
        )
        evaluation = Evaluation.objects.create(
            project=project, run=run, name=name, split=plan.split, version=plan.version, created_by=user
        )
        for place, chosen in enumerate(plan.systems):
            System.objects.create(
                evaluation=evaluation,
                key=keys[place],
                name=titles[place],
                kind=chosen.kind,
                options=chosen.options,
                is_baseline=place == plan.baseline,
                base_model=chosen.model,
                checkpoint=chosen.checkpoint,
                endpoint=chosen.endpoint,
            )
        dispatching.enqueue(run, _spec(project, plan, keys, titles, run.directory))
    return evaluation


def keys_of(evaluation: Evaluation) -> dict[str, str]:
    """The keys of its endpoints, each under a name of its own, for the environment of the run's process."""
    found = {}
    for system in evaluation.systems.exclude(endpoint=None).select_related("endpoint"):
        assert system.endpoint is not None
        try:
            key = system.endpoint.key()
        except Unreadable:
            continue  # the engine says that it could not be read
        if key:
            found[key_variable(endpoint_spec(system.endpoint))] = key
    return found


def endpoint_spec(endpoint: Endpoint) -> dict[str, Any]:
    return {**endpoint.for_engine(), "key_of": str(endpoint.pk)}


def store_path() -> Path:
    """Where answers are kept between evaluations."""
    return Path(settings.WORKBENCH_HOME) / "answers" / "answers.sqlite3"


def embedder() -> Path | None:
    return find_embedder(Path(settings.WORKBENCH_HOME) / "models")


def _name_of(plan: Plan, titles: list[str]) -> str:
    others = [title for place, title in enumerate(titles) if place != plan.baseline]
    return f"{others[0]} against {titles[plan.baseline]}" if len(others) == 1 else f"{len(titles)} systems"


def _spec(project: Project, plan: Plan, keys: list[str], titles: list[str], folder: Path) -> dict[str, Any]:
    baseline = plan.systems[plan.baseline]
    main = baseline.model or next((chosen.model for chosen in plan.systems if chosen.model), None)
    documents = []
    if any(chosen.kind == "retrieval" for chosen in plan.systems):
        documents = [
            {"name": document.name, "path": str(_kept(document, folder / "documents"))}
            for document in project.documents.all()
        ]
    found = embedder()
    return {
        "schema_version": 1,
        "kind": "evaluate",
        "model": main.for_engine() if main else None,
        "data": {"rows": str(plan.rows), "system_prompt": project.system_prompt},
        "task_type": project.task_type,
        "systems": [
            {
                "key": key,
                "name": title,
                "kind": chosen.kind,
                **_weights(chosen, main),
                "endpoint": endpoint_spec(chosen.endpoint) if chosen.endpoint else None,
                "options": chosen.options,
                "price": _price(project, chosen),
            }
            for key, title, chosen in zip(keys, titles, plan.systems, strict=True)
        ],
        "baseline": keys[plan.baseline],
        "primary": plan.primary or None,
        "metrics": plan.metrics or None,
        "own_metrics": [metric.for_engine() for metric in project.own_metrics.all()],
        "judge": plan.judge,
        "generation": {"max_new_tokens": plan.max_new_tokens, "batch_size": plan.batch_size},
        "probes": {"suites": plan.suites, "files": [*plan.suite_files, *map(_suite_file, plan.suite_versions)]},
        "forgetting_limit": plan.forgetting_limit,
        "gates": _gates(project, plan),
        "limit": plan.limit,
        "seed": 42,
        "facts": {"tags": _tags(plan)},
        "training_rows": str(plan.training_rows) if plan.training_rows else None,
        "documents": documents,
        "embedder": str(found) if found else None,
        "cache": str(store_path()),
    }


def _gates(project: Project, plan: Plan) -> dict[str, Any]:
    """The gates in force; where nobody has set any, the forgetting limit is the one this evaluation was asked with."""
    limits = limits_of(project).to_json()
    if not project.gate_settings.exists():
        limits["forgetting_limit"] = round(100 * plan.forgetting_limit, 6)
    return limits


def _kept(document: Any, folder: Path) -> Path:
    try:
        return copy_for_run(document, folder)
    except FileNotFoundError:
        raise EngineError(
            "Data", f"The file of the document {document.name} is gone.", "Delete its entry and upload it again."
        ) from None


def _weights(chosen: Chosen, main: BaseModel | None) -> dict[str, str | None]:
    """Where a system's weights lie: an adapter on a model, or a whole model; None means the evaluation's own."""
    model = chosen.model
    other = str(model.path) if model is not None and model != main else None
    if chosen.checkpoint is None:
        return {"adapter": None, "model": other}
    path = chosen.checkpoint.path
    if (path / "adapter_config.json").is_file():
        return {"adapter": str(path), "model": other}
    return {"adapter": None, "model": str(path)}


def _price(project: Project, chosen: Chosen) -> dict[str, Any] | None:
    prices = price_list(project)
    if chosen.endpoint is not None:
        ends = (chosen.endpoint.price_in, chosen.endpoint.price_out)
        if ends == (None, None):
            return None
        return {"currency": prices.currency, **dict(zip(("in", "out"), map(_number, ends), strict=True))}
    per_hour = prices.per_hour.get(HERE)
    return {"currency": prices.currency, "per_hour": float(per_hour)} if chosen.model and per_hour is not None else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _suite_file(version: DatasetVersion) -> dict[str, str]:
    return {"key": f"version-{version.pk}", "title": str(version), "path": str(version.path)}


def _tags(plan: Plan) -> dict[str, list[str]]:
    version = plan.version or (plan.split.version if plan.split else None)
    if version is None:
        return {}
    found: dict[str, list[str]] = {}
    tags = RowTag.objects.filter(mark__dataset=version.dataset_id).values_list("mark__row_id", "tag")
    for row_id, tag in tags.order_by("mark__row_id", "tag"):
        found.setdefault(row_id, []).append(tag)
    return found
