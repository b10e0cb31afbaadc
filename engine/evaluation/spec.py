"""What an evaluation job is asked to do: spec.json, read and checked. No torch, the web may import it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.evaluation.limits import GateLimits, read_limits
from engine.evaluation.metrics import ALL, check_names, check_options
from engine.evaluation.own_metrics import OwnMetric, read_own
from engine.evaluation.suite_rows import SuiteFile

LATENCY_ROWS = 8


@dataclass(frozen=True, slots=True)
class SystemSpec:
    key: str
    name: str
    adapter: Path | None
    model: Path | None


@dataclass(frozen=True, slots=True)
class EvaluationSpec:
    """A checked spec.json of kind "evaluate"."""

    model: Path
    rows: Path
    system_prompt: str
    task_type: str
    systems: tuple[SystemSpec, ...]
    baseline: str
    metrics: tuple[str, ...] | None
    """None: those of the task type."""
    max_new_tokens: int | None
    """None: twice the longest reference of the evaluation, between 32 and 512."""
    batch_size: int
    latency_rows: int
    """Rows asked alone to measure latency; they are part of the evaluation like the others."""
    suites: tuple[str, ...]
    suite_files: tuple[SuiteFile, ...]
    forgetting_limit: float
    limit: int | None
    seed: int
    tags: dict[str, list[str]] = field(default_factory=dict)
    """Row identity -> what people called the row; slices are made of it."""
    training_rows: Path | None = None
    """The rows that were trained on: how far a prompt is from them is its difficulty."""
    gates: GateLimits = field(default_factory=GateLimits)
    """What the project asked of a system when the evaluation was started."""
    own_metrics: tuple[OwnMetric, ...] = ()
    metric_options: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def candidates(self) -> list[SystemSpec]:
        return [system for system in self.systems if system.key != self.baseline]


def read_spec(document: dict[str, Any]) -> EvaluationSpec:
    """Check a spec.json; raises EngineError("Config") naming the field, what was found and the remedy."""
    try:
        generation = document.get("generation") or {}
        systems = tuple(_system(entry) for entry in document["systems"])
        metrics = document.get("metrics")
        longest = generation.get("max_new_tokens", 256)
        spec = EvaluationSpec(
            model=Path(document["model"]["path"]),
            rows=Path(document["data"]["rows"]),
            system_prompt=str(document["data"].get("system_prompt") or ""),
            task_type=document["task_type"],
            systems=systems,
            baseline=document.get("baseline") or "base",
            metrics=tuple(check_names(metrics)) if metrics else None,
            max_new_tokens=None if longest is None else int(longest),
            batch_size=int(generation.get("batch_size", 8)),
            latency_rows=int(generation.get("latency_rows", LATENCY_ROWS)),
            suites=tuple((document.get("probes") or {}).get("suites") or ()),
            suite_files=tuple(SuiteFile(**file) for file in (document.get("probes") or {}).get("files") or ()),
            forgetting_limit=_forgetting_limit(document),
            limit=None if document.get("limit") is None else int(document["limit"]),
            seed=int(document.get("seed", 42)),
            tags=dict((document.get("facts") or {}).get("tags") or {}),
            training_rows=Path(document["training_rows"]) if document.get("training_rows") else None,
            gates=read_limits(document.get("gates")),
            own_metrics=read_own(document.get("own_metrics")),
            metric_options=check_options(document.get("metric_options") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise EngineError(
            "Config", f"spec.json is not an evaluation: {problem!r}.", "Start the evaluation again from its form."
        ) from problem
    _check(spec)
    return spec


def _check(spec: EvaluationSpec) -> None:
    keys = [system.key for system in spec.systems]
    wrong = [
        (spec.task_type not in ALL, f"task_type is {spec.task_type!r}", f"Use one of: {', '.join(ALL)}."),
        (not keys, "systems is empty", "Choose at least one system."),
        (len(set(keys)) != len(keys), f"systems repeat a key: {keys}", "Give each system its own key."),
        (spec.baseline not in keys, f"baseline {spec.baseline!r} is none of {keys}", "Name one of the systems."),
        (spec.batch_size < 1, f"batch_size is {spec.batch_size}", "Use 1 or more."),
        (
            spec.max_new_tokens is not None and spec.max_new_tokens < 1,
            f"max_new_tokens is {spec.max_new_tokens}",
            "Use 1 or more.",
        ),
        (spec.limit is not None and spec.limit < 1, f"limit is {spec.limit}", "Use 1 or more, or null for all rows."),
        (not 0 < spec.forgetting_limit < 1, f"forgetting_limit is {spec.forgetting_limit}", "Use 0.05 for 5 %."),
    ]
    for bad, found, remedy in wrong:
        if bad:
            raise EngineError("Config", f"spec.json: {found}.", remedy)


def _forgetting_limit(document: dict[str, Any]) -> float:
    """The gates' own where they are given: one evaluation has one limit."""
    if document.get("gates") or "forgetting_limit" not in document:
        return read_limits(document.get("gates")).forgetting_limit / 100
    return float(document["forgetting_limit"])


def _system(entry: dict[str, Any]) -> SystemSpec:
    adapter, model = entry.get("adapter"), entry.get("model")
    return SystemSpec(
        str(entry["key"]),
        str(entry.get("name") or entry["key"]),
        Path(adapter) if adapter else None,
        Path(model) if model else None,
    )
