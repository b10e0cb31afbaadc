"""What an evaluation job is asked to do: spec.json, read and checked. No torch, the web may import it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.evaluation.judging import JudgeSpec, read_judge
from engine.evaluation.limits import GateLimits, read_limits
from engine.evaluation.metrics import ALL, check_names, check_options
from engine.evaluation.own_metrics import OwnMetric, read_own
from engine.evaluation.suite_rows import SuiteFile
from engine.evaluation.systems import kind_of, read_options

LATENCY_ROWS = 8


@dataclass(frozen=True, slots=True)
class Price:
    """What a system costs: for a million tokens in and out, or for an hour of the machine. None: not known."""

    currency: str
    tokens_in: float | None = None
    tokens_out: float | None = None
    per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A document of the project: the name people know it by, and where its UTF-8 text lies."""

    name: str
    path: Path

    def text(self) -> str:
        """Raises EngineError("Data") when the file has gone."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise EngineError(
                "Data", f"The document {self.name} is no longer there.", "Upload it again, then start anew."
            ) from None


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """One system under test. ``model`` None means the evaluation's own model; ``adapter`` goes on top of it."""

    key: str
    name: str
    adapter: Path | None = None
    model: Path | None = None
    kind: str = "base"
    endpoint: dict[str, Any] | None = None
    """As models_app gives it: base_url, model, per_minute, timeout_s, has_key, allow_private; its key is in the
    environment, under the name in ``key_variable``."""
    options: Any = None
    """An instance of the kind's options."""
    price: Price | None = None

    @property
    def answers(self) -> str:
        """What answers: "weights", "endpoint" or "rule"."""
        return kind_of(self.kind).answers

    @property
    def flatters(self) -> bool:
        return kind_of(self.kind).flatters


@dataclass(frozen=True, slots=True)
class EvaluationSpec:
    """A checked spec.json of kind "evaluate"."""

    model: Path | None
    """None where no system needs weights."""
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
    primary: str | None = None
    """The metric that decides; None: by the task type."""
    tags: dict[str, list[str]] = field(default_factory=dict)
    """Row identity -> what people called the row; slices are made of it."""
    training_rows: Path | None = None
    """The rows that were trained on: examples come from them; how far a prompt is from them is its difficulty."""
    gates: GateLimits = field(default_factory=GateLimits)
    """What the project asked of a system when the evaluation was started."""
    own_metrics: tuple[OwnMetric, ...] = ()
    metric_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    documents: tuple[DocumentFile, ...] = ()
    embedder: Path | None = None
    """Folder of an embedding model, for the ranker that needs one."""
    cache: Path | None = None
    """The store of answers that evaluations share; None: none outlives this one."""
    cache_bytes: int | None = None
    judge: JudgeSpec | None = None
    """A model that says of pairs of answers which is better."""

    @property
    def candidates(self) -> list[SystemSpec]:
        return [system for system in self.systems if system.key != self.baseline]


def read_spec(document: dict[str, Any]) -> EvaluationSpec:
    """Check a spec.json; raises EngineError("Config") naming the field, what was found and the remedy."""
    try:
        generation = document.get("generation") or {}
        systems = tuple(_system(entry) for entry in document["systems"])
        longest = generation.get("max_new_tokens", 256)
        spec = EvaluationSpec(
            model=_model(document),
            rows=Path(document["data"]["rows"]),
            system_prompt=str(document["data"].get("system_prompt") or ""),
            task_type=document["task_type"],
            systems=systems,
            baseline=document.get("baseline") or "base",
            metrics=_metrics(document),
            max_new_tokens=None if longest is None else int(longest),
            batch_size=int(generation.get("batch_size", 8)),
            latency_rows=int(generation.get("latency_rows", LATENCY_ROWS)),
            suites=tuple((document.get("probes") or {}).get("suites") or ()),
            suite_files=tuple(SuiteFile(**file) for file in (document.get("probes") or {}).get("files") or ()),
            forgetting_limit=_forgetting_limit(document),
            limit=None if document.get("limit") is None else int(document["limit"]),
            seed=int(document.get("seed", 42)),
            primary=document.get("primary") or None,
            tags=dict((document.get("facts") or {}).get("tags") or {}),
            training_rows=_path(document.get("training_rows")),
            gates=read_limits(document.get("gates")),
            own_metrics=read_own(document.get("own_metrics")),
            metric_options=check_options(document.get("metric_options") or {}),
            documents=tuple(DocumentFile(str(d["name"]), Path(d["path"])) for d in document.get("documents") or ()),
            embedder=_path(document.get("embedder")),
            cache=_path(document.get("cache")),
            cache_bytes=None if document.get("cache_bytes") is None else int(document["cache_bytes"]),
            judge=read_judge(document.get("judge")),
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
        (
            bool(missing := [s.key for s in spec.systems if s.answers == "endpoint" and not s.endpoint]),
            f"the systems {missing} have no endpoint",
            "Give each its endpoint.",
        ),
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


def _model(document: dict[str, Any]) -> Path | None:
    """The evaluation's own model; a spec may leave it out when every system brings its weights or needs none."""
    if any(entry.get("model") is None and _needs_weights(entry) for entry in document["systems"]):
        return Path(document["model"]["path"])
    return _path((document.get("model") or {}).get("path"))


def _needs_weights(entry: dict[str, Any]) -> bool:
    return kind_of(entry.get("kind") or "base").answers == "weights"


def _metrics(document: dict[str, Any]) -> tuple[str, ...] | None:
    """The names of built-in ones; a project's own expressions are always computed."""
    names = document.get("metrics")
    own = {entry["name"] for entry in document.get("own_metrics") or ()}
    if not names:
        return None
    return tuple(check_names([name for name in names if name not in own]))


def _path(value: Any) -> Path | None:
    return Path(value) if value else None


def _system(entry: dict[str, Any]) -> SystemSpec:
    """A spec from before systems had kinds says what it is by its weights: with an adapter it is a checkpoint."""
    kind = entry.get("kind") or ("checkpoint" if entry.get("adapter") or entry.get("model") else "base")
    key = str(entry["key"])
    price = entry.get("price")
    return SystemSpec(
        key,
        str(entry.get("name") or key),
        _path(entry.get("adapter")),
        _path(entry.get("model")),
        kind,
        entry.get("endpoint") or None,
        read_options(kind, entry.get("options") or {}, f"systems.{key}"),
        Price(str(price["currency"]), price.get("in"), price.get("out"), price.get("per_hour")) if price else None,
    )
