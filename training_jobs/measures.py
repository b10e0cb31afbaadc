"""What a run has measured so far, read from its events: the figures beside the charts, and the tables below them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, FloatField, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from engine.adapters.table import ADAPTERS
from engine.evaluation.measures import MEASURES, label
from engine.evaluation.metrics import METRICS
from engine.evaluation.suite_rows import installed, suite_names, title_of
from engine.methods.table import METHODS
from engine.training.options import OptionField, describe
from engine.training.spec import TrainingOptions
from runs_app.models import Run, RunEvent
from training_jobs.models import TrainingJob
from training_jobs.option_fields import shown

MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One measure of one suite, before the first step and now. ``change`` is negative where something was forgotten;
    ``held`` is what of it counts against the limit."""

    suite: str
    measure: str
    title: str
    label: str
    unit: str
    n: int
    step: int
    baseline: float
    score: float
    change: float
    held: float
    past_limit: bool
    domains: tuple[tuple[str, float, int], ...]

    @property
    def by_chance(self) -> bool:
        """A fall too small to be held against it: one or two rows."""
        return self.change < 0 == self.held


@dataclass(frozen=True, slots=True)
class Card:
    """A figure at the head of a run's page: a measure of its only suite, or what a suite lost most of. ``live``: the
    event field that static/js/live-fields.js keeps it by."""

    label: str
    change: float | None
    live: str
    definition: str

    @property
    def words(self) -> str | None:
        """As static/js/live-fields.js writes it; None before it was measured."""
        return None if self.change is None else f"{'−' if self.change < 0 else '+'}{abs(self.change) * 100:.1f} %"


@dataclass(frozen=True, slots=True)
class SettingRow:
    label: str
    value: str
    default: str
    differs: bool
    unit: str


def latest(run: Run) -> dict[str, Any]:
    """The newest value of each thing a run measures, by name; None until it was measured."""
    names = ("loss", "eval_loss", "task_score", "task_rows", "tokens_per_s", "rss_bytes", "gpu_bytes")
    found: dict[str, Any] = dict.fromkeys(names)
    newest = run.events.filter(kind="metric").order_by("-seq")
    for event in (
        newest.filter(data__loss__isnull=False).first(),
        newest.filter(data__eval_loss__isnull=False).first(),
        newest.filter(data__task_score__isnull=False).first(),
    ):
        if event is not None:
            found |= {name: value for name, value in event.data.items() if value is not None}
    return found


def panels(method: str, task_metric: str = "") -> list[dict[str, Any]]:
    """What is measured besides the loss, as static/js/run-figure.js draws it: how well the task is done, then what the
    method measures, shares in a panel of their own."""
    charts = dict(METHODS[method].charts) if method in METHODS else {}
    shares = [name for name in charts if name.endswith("_accuracy")]
    found: list[dict[str, Any]] = []
    if task_metric:
        lines = [["task_score", METRICS[task_metric].label], ["format_rate", "In the form of the file"]]
        found.append({"title": "task, %", "percent": True, "lines": lines})
    for names in ([name for name in charts if name not in shares], shares):
        if names:
            title = names[0].split("_")[0] if len(names) > 1 else names[0].replace("_", " ")
            lines = [[name, charts[name]] for name in names]
            found.append({"title": title + ", %" * (names is shares), "percent": names is shares, "lines": lines})
    return found


def probes(run: Run, limit: float) -> list[ProbeRow]:
    """The last probe of each suite and measure, in the order in which they were first made."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for event in run.events.filter(kind="probe").order_by("seq"):
        newest[str(event.data.get("suite")), str(event.data.get("measure"))] = event.data
    return [_probe_row(suite, measure, data, limit) for (suite, measure), data in newest.items()]


def cards(job: TrainingJob, rows: list[ProbeRow]) -> list[Card]:
    """One a measure where the run has one suite, else one a suite; what it asks for also before it is measured."""
    probes = job.spec.get("probes") or {}
    titles = {name: title_of(name) for name in probes.get("suites", [])} | job.suite_titles
    titles |= {row.suite: row.title for row in rows}
    if len(titles) != 1:
        return [_suite_card(suite, title, rows) for suite, title in titles.items()]
    suite, title = next(iter(titles.items()))
    known = installed(suite).measures if suite in suite_names() else ()
    changes: dict[str, float | None] = dict.fromkeys(known) | {row.measure: row.change for row in rows}
    return [_measure_card(suite, measure, label(title, measure), change) for measure, change in changes.items()]


def _measure_card(suite: str, measure: str, title: str, change: float | None) -> Card:
    about = MEASURES[measure].about if measure in MEASURES else ""
    definition = f"{about} Change against the model before step 1; negative: something was forgotten."
    return Card(title, change, f"probe.{suite}/{measure}.change", definition.strip())


def _suite_card(suite: str, title: str, rows: list[ProbeRow]) -> Card:
    changes = [row.change for row in rows if row.suite == suite]
    definition = "The worst change of its measures against the model before step 1. Negative: something was forgotten."
    return Card(title, min(changes, default=None), f"probe.{suite}.worst", definition)


def measuring(run: Run) -> dict[str, Any] | None:
    """What measuring took of the run's time so far: ``share`` of it, and ``seconds`` by what was measured."""
    event = run.events.filter(kind="log", data__code="measured").order_by("-seq").first()
    return event.data if event is not None else None


def warnings(run: Run) -> list[dict[str, Any]]:
    """The last warning of each kind with ``times``, how often it was given; a run may repeat itself at every step."""
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for event in run.events.filter(kind="warning").order_by("seq"):
        data = event.as_event()
        key = (data.get("code") or data.get("text"), data.get("suite"), data.get("measure"))
        newest[key] = data | {"times": newest.pop(key, {}).get("times", 0) + 1}
    return list(newest.values())[-MOST_WARNINGS:]


def with_results(jobs: QuerySet[TrainingJob]) -> QuerySet[TrainingJob]:
    """Adds ``loss``, ``eval_loss`` and ``forgetting`` to each job: the worst change that any probe of its last
    evaluation holds against it."""
    return jobs.annotate(
        loss=_last("metric", "loss"), eval_loss=_last("metric", "eval_loss"), forgetting=_worst_probe()
    )


def settings_table(job: TrainingJob, defaults: TrainingOptions) -> list[tuple[str, list[SettingRow]]]:
    """The job's options by group, each with whether it differs from what was suggested."""
    spec: dict[str, Any] = job.spec
    sections = (
        (TrainingOptions, spec.get("training") or {}, defaults),
        (METHODS[job.method].options(), spec.get("method_options") or {}, None),
        (ADAPTERS[job.adapter].options(), spec.get("adapter_options") or {}, None),
    )
    groups: dict[str, list[SettingRow]] = {}
    for options, values, suggested in sections:
        for item in describe(options):
            default = getattr(suggested, item.name) if suggested is not None else item.default
            value = values.get(item.name, default)
            row = SettingRow(item.label, _words(item, value), _words(item, default), value != default, item.unit)
            groups.setdefault(item.group, []).append(row)
    return list(groups.items())


def _last(kind: str, name: str, **where: Any) -> Subquery:
    events = RunEvent.objects.filter(run=OuterRef("run"), kind=kind, **{f"data__{name}__isnull": False}, **where)
    newest = events.annotate(value=Cast(KT(f"data__{name}"), FloatField())).order_by("-seq")
    return Subquery(newest.values("value")[:1])


def _worst_probe() -> Subquery:
    probes = RunEvent.objects.filter(run=OuterRef("run"), kind="probe", data__step__gt=0)
    probes = probes.annotate(step=Cast(KT("data__step"), FloatField()))
    change = Coalesce(Cast(KT("data__counted"), FloatField()), Cast(KT("data__change"), FloatField()))
    last = probes.annotate(value=change, newest=Subquery(probes.order_by("-seq").values("step")[:1]))
    return Subquery(last.filter(step=F("newest")).order_by("value").values("value")[:1])


def _probe_row(suite: str, measure: str, data: dict[str, Any], limit: float) -> ProbeRow:
    change = float(data.get("change") or 0.0)
    held = float(data.get("counted", change))
    title = str(data.get("title") or title_of(suite))
    domains = data.get("domains") or {}
    return ProbeRow(
        suite=suite,
        measure=measure,
        title=title,
        label=label(title, measure),
        unit=MEASURES[measure].unit if measure in MEASURES else "",
        n=int(data.get("n") or 0),
        step=int(data.get("step") or 0),
        baseline=float(data.get("baseline") or 0.0),
        score=float(data.get("score") or 0.0),
        change=change,
        held=held,
        past_limit=held <= limit,
        domains=tuple((name, float(one["score"]), int(one["n"])) for name, one in sorted(domains.items())),
    )


def _words(item: OptionField, value: Any) -> str:
    """A value in words: the label of a choice, "automatic" for what was left empty."""
    if value is None:
        return "automatic"
    if item.kind == "bool":
        return "on" if value else "off"
    if item.kind == "choice":
        return dict(item.choices).get(value, str(value))
    return str(shown(item, value))
