"""The specification of a training run: one document, one way to and from JSON. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.evaluation.suite_rows import SuiteFile
from engine.methods.table import METHODS, refusal, refused_settings
from engine.training.options import SpecError, parse
from engine.training.training_options import UNSHARDED
from engine.training.training_options import TrainingOptions as TrainingOptions

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    path: str
    """A local folder with config.json, safetensors weights and a tokenizer."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    train: str
    validation: str | None = None
    system_prompt: str = ""
    """Put before rows that have no system turn, in training, evaluation and serving alike."""
    replay: str | None = None
    """General rows to mix in, so that less is forgotten; and what EWC's Fisher diagonal is taken from."""
    replay_name: str = ""
    task_type: str = ""
    """What kind of task the project has; decides the task metric where it is chosen by the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeChoice:
    suites: tuple[str, ...] = ("general",)
    """Names of installed suites."""
    files: tuple[SuiteFile, ...] = ()
    """Files of rows that are asked like suites."""
    rows: int = 32
    """Rows of each kind that are asked of a suite: what is asked again and again must not cost more than training."""
    forgetting_limit: float = 0.05
    """A relative fall of this much or more raises a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """Everything a run needs, as ``spec.json`` in its run directory. Raises SpecError where it cannot be run."""

    model: ModelChoice
    data: DataChoice
    method: str = "sft"
    adapter: str = "lora"
    training: TrainingOptions = field(default_factory=TrainingOptions)
    method_options: Any = None
    """An instance of the method's options dataclass; a mapping or None is read into one."""
    adapter_options: Any = None
    """An instance of the adapter's options dataclass; a mapping or None is read into one."""
    probes: ProbeChoice = field(default_factory=ProbeChoice)
    teacher: ModelChoice | None = None
    """The model a method with ``needs_teacher`` learns from."""

    def __post_init__(self) -> None:
        _require_known("method", self.method, METHODS)
        _require_known("adapter", self.adapter, ADAPTERS)
        reason = refusal(self.method, self.adapter)
        if reason:
            raise SpecError(
                "adapter", f"{self.adapter} does not go with {self.method}: {reason}", "Choose another pair."
            )
        if not 0 < self.probes.forgetting_limit < 1:
            raise SpecError(
                "probes.forgetting_limit", f"{self.probes.forgetting_limit:g}", "Give a share between 0 and 1."
            )
        method, adapter = METHODS[self.method], ADAPTERS[self.adapter]
        object.__setattr__(self, "method_options", _options(method.options(), self.method_options, "method_options"))
        object.__setattr__(
            self, "adapter_options", _options(adapter.options(), self.adapter_options, "adapter_options")
        )
        if method.needs_teacher and self.teacher is None:
            raise SpecError("teacher", f"{method.label} needs a teacher", "Choose the model it learns from.")
        for name, (value, why) in refused_settings(self.method, self.adapter).items():
            if getattr(self.training, name) == value:
                raise SpecError(f"training.{name}", why.rstrip("."), "Switch it off.")
        method.check(self)

    def to_json(self) -> dict[str, Any]:
        document = {"schema_version": SCHEMA_VERSION, "kind": "train", **asdict(self)}
        document["probes"]["suites"] = list(self.probes.suites)
        document["probes"]["files"] = [asdict(file) for file in self.probes.files]
        return document

    def fingerprint(self) -> str:
        """SHA-256 of all that changes what is learned, but for the bytes of data and model; paths do not count."""
        document = self.to_json()
        del document["model"], document["teacher"], document["training"]["dry_run"]
        if self.training.sharding == UNSHARDED:  # as runs from before there was a choice
            del document["training"]["sharding"]
        document["data"] = {"system_prompt": self.data.system_prompt}
        document["probes"]["files"] = [file.key for file in self.probes.files]
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TrainingSpec:
        """Reads a spec.json. Raises SpecError naming the field, what was found and the remedy."""
        values = dict(document)
        version = values.pop("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise SpecError("schema_version", f"{version!r}", f"This version reads schema {SCHEMA_VERSION}.")
        if values.pop("kind", "train") != "train":
            raise SpecError("kind", f"{document['kind']!r}", "A training run has the kind 'train'.")
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise SpecError(sorted(unknown)[0], "unknown entry", f"Known: {', '.join(cls.__dataclass_fields__)}.")
        return cls(
            model=_section(ModelChoice, values.get("model"), "model"),
            data=_section(DataChoice, values.get("data"), "data"),
            method=values.get("method", "sft"),
            adapter=values.get("adapter", "lora"),
            training=parse(TrainingOptions, _mapping(values.get("training", {}), "training"), "training"),
            method_options=values.get("method_options"),
            adapter_options=values.get("adapter_options"),
            probes=_probes(values.get("probes", {})),
            teacher=_section(ModelChoice, values["teacher"], "teacher") if values.get("teacher") else None,
        )


def _require_known(name: str, value: Any, table: Mapping[str, Any]) -> None:
    if not isinstance(value, str) or value not in table:
        raise SpecError(name, f"{value!r} is not known", f"Choose one of: {', '.join(table)}.")


def _options(options: type[Any], values: Any, where: str) -> Any:
    return values if isinstance(values, options) else parse(options, _mapping(values or {}, where), where)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(where, f"{type(value).__name__} instead of an object", "Give a JSON object.")
    return value


def _section(section: type[Any], value: Any, where: str) -> Any:
    values = _mapping(value, where)
    known = section.__dataclass_fields__
    for name, item in values.items():
        if name not in known:
            raise SpecError(f"{where}.{name}", "unknown entry", f"Known: {', '.join(known)}.")
        if not isinstance(item, str) and not (item is None and "None" in str(known[name].type)):
            raise SpecError(f"{where}.{name}", f"{item!r} is not a text", "Give a text.")
    try:
        return section(**values)
    except TypeError as error:
        missing = next(name for name in known if name not in values)
        raise SpecError(f"{where}.{missing}", "missing", "Give a text.") from error


def _probes(value: Any) -> ProbeChoice:
    values = dict(_mapping(value, "probes"))
    suites = values.pop("suites", list(ProbeChoice().suites))
    files = values.pop("files", [])
    limit = values.pop("forgetting_limit", ProbeChoice().forgetting_limit)
    rows = values.pop("rows", ProbeChoice().rows)
    if values:
        known = ", ".join(ProbeChoice.__dataclass_fields__)
        raise SpecError(f"probes.{sorted(values)[0]}", "unknown entry", f"Known: {known}.")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise SpecError("probes.rows", f"{rows!r}", "Give a whole number of at least 1.")
    if not isinstance(files, list | tuple):
        raise SpecError("probes.files", f"{files!r:.80}", "Give a list of objects with key, title and path.")
    if not isinstance(suites, list | tuple) or not all(isinstance(name, str) for name in suites):
        raise SpecError("probes.suites", f"{suites!r}", "Give a list of suite names.")
    if not isinstance(limit, int | float) or isinstance(limit, bool):
        raise SpecError("probes.forgetting_limit", f"{limit!r}", "Give a share between 0 and 1.")
    chosen = tuple(_section(SuiteFile, file, f"probes.files.{place}") for place, file in enumerate(files))
    keys = [*suites, *(file.key for file in chosen)]
    if len(set(keys)) != len(keys):
        raise SpecError("probes.suites", f"a suite is named twice: {', '.join(keys)}", "Name each suite once.")
    return ProbeChoice(suites=tuple(suites), files=chosen, rows=rows, forgetting_limit=float(limit))
