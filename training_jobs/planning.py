"""The preview card: is this launch ready, and what will it take? Arithmetic on what is known here."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from django.db.models import FloatField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from datasets_app.models import Split
from engine import device
from engine.data.formats import load
from engine.decision.cards import Card, on_cards
from engine.decision.layers import Layer, layer_stack
from engine.decision.resources import Lengths, Resources, Time, estimate
from engine.decision.shapes import ModelShape, read_shape
from engine.errors import EngineError
from engine.evaluation.task_metrics import OFF
from engine.methods.table import METHODS
from engine.training.light_tokenizer import same_tokens
from engine.training.options import SpecError
from engine.training.sampling import Sample
from engine.training.spec import TrainingSpec
from models_app.models import BaseModel
from runs_app.dispatching import HOST
from runs_app.models import RunEvent
from training_jobs.drawing import DrawnLayer, drawn
from training_jobs.forgetting_form import probe_cost
from training_jobs.launching import Launch, shapes_of
from training_jobs.lengths import TokenLengths
from training_jobs.models import PriceList, TrainingJob
from training_jobs.pricing import HERE, cost_range, price_list
from training_jobs.sampled import sampled

FEW_VALIDATION_ROWS = 16
RUNS_REMEMBERED = 5
# An answer of forty tokens; a generated one is worth about twenty that are read.
_ANSWER_COST = 800
# Rows are this long where the audit had no tokenizer to measure with: long enough that an estimate errs upwards.
UNKNOWN_LENGTH = 512
# The share of tokens that is trained where the rows could not be looked at: most rows are longer prompts than answers.
UNKNOWN_SHARE = 0.4
PART_WORDS = {
    "runtime": "Libraries",
    "weights": "Weights",
    "gradients": "Gradients",
    "optimizer": "Optimizer states",
    "activations": "Activations of the longest batch",
    "reference": "Reference model (a second copy)",
    "processes": "The other processes",
    "teacher": "Teacher",
    "start": "Where the weights began (L2-to-start, EWC)",
    "evaluation": "Evaluation in fp32, beyond activations",
    "gathered": "Weights in one piece while they compute",
    "whole": "The whole model, to load and to measure",
}
_SECTIONS = {"training": "", "method_options": "method__", "adapter_options": "adapter__"}


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second that earlier runs of this device reached with this model, method and adapter."""

    tokens_per_s: float
    runs: int


@dataclass(frozen=True, slots=True)
class Preview:
    """``reasons`` are (label, text) of all that stands in the way; ``cautions`` are what to know before starting."""

    reasons: tuple[tuple[str, str], ...]
    cautions: tuple[str, ...] = ()
    spec: TrainingSpec | None = None
    rows: int = 0
    validation_rows: int = 0
    resources: Resources | None = None
    lengths: TokenLengths | None = None
    speed: Speed | None = None
    stack: tuple[Layer, ...] = ()
    cards: tuple[Card, ...] = ()
    sample: Sample | None = None
    prices: PriceList | None = None

    @property
    def drawn(self) -> list[DrawnLayer]:
        """The stack as it is drawn: the answer above, the input below."""
        return drawn(self.stack)

    @property
    def memory_parts(self) -> list[tuple[str, int]]:
        parts = self.resources.memory.parts if self.resources else {}
        return [(PART_WORDS[name], size) for name, size in parts.items() if size]

    @property
    def cost(self) -> str:
        """On this machine; empty where no price is known."""
        return self._cost(HERE, self.resources.time) if self.resources else ""

    @property
    def priced_cards(self) -> list[tuple[Card, str, str]]:
        """(card, time, cost) of each."""
        return [
            (card, duration_range(card.time.low, card.time.high), self._cost(card.name, card.time))
            for card in self.cards
        ]

    @property
    def estimate(self) -> dict[str, float]:
        """What is kept with the run, to hold what it really took against."""
        if self.resources is None:
            return {}
        memory, time = self.resources.memory, self.resources.time
        return {"memory_low": memory.low, "memory_high": memory.high, "time_low": time.low, "time_high": time.high}

    def _cost(self, key: str, time: Time) -> str:
        if self.prices is None:
            return ""
        return cost_range(self.prices.per_hour.get(key), time.low, time.high, self.prices.currency)

    @property
    def cheapest(self) -> str:
        """The first named card that the whole range fits in; empty when none."""
        return next((card.name for card in self.cards if card.cheapest), "")

    @property
    def ready(self) -> bool:
        return not self.reasons and self.spec is not None

    @property
    def cut_share(self) -> float | None:
        return self.lengths.share_over(self.spec.training.cutoff_len) if self.lengths and self.spec else None

    @property
    def time_range(self) -> str:
        return duration_range(self.resources.time.low, self.resources.time.high) if self.resources else ""


def preview(launch: Launch) -> Preview:
    """What the card shows. A launch that cannot start says why; mistakes that only the parts together show are put
    beside their field as well."""
    if not launch.is_valid():
        return Preview(_form_reasons(launch))
    chosen = launch.choices.cleaned_data
    try:
        spec = launch.spec()
        shape = read_shape(chosen["base_model"].path)
        seen = sampled(spec)
        resources, speed, cards = _resources(launch, spec, shape, seen)
        stack = layer_stack(shape, spec.adapter, spec.adapter_options)
    except SpecError as error:
        _show_beside(launch, error)
        return Preview(_form_reasons(launch))
    except EngineError as error:
        return Preview((("Base model", f"{error.text} {error.remedy}"),))
    split, lengths = chosen["split"], launch.basis.lengths
    found = Preview(
        reasons=(*_shape_reasons(spec, shapes_of(split)), *_reasons(spec, shape, resources), *_teacher_reasons(spec)),
        spec=spec,
        rows=split.rows("train"),
        validation_rows=split.rows("validation"),
        resources=resources,
        lengths=lengths,
        speed=speed,
        stack=stack,
        cards=cards,
        sample=seen,
        prices=price_list(launch.project),
    )
    return dataclasses.replace(found, cautions=_cautions(found, chosen["base_model"]))


def measured_speed(model: BaseModel, method: str, adapter: str) -> Speed | None:
    """The median of what the last runs of this machine reached, or None when there were none. A method that runs a
    reference or a teacher beside the model is slower a token, so only runs of the same method count."""
    runs = TrainingJob.objects.filter(base_model=model, method=method, adapter=adapter, run__host=HOST).order_by("-id")
    speeds = []
    for run_id in runs.values_list("run_id", flat=True)[:RUNS_REMEMBERED]:
        found = (
            RunEvent.objects.filter(run_id=run_id, kind="metric", data__tokens_per_s__gt=0)
            .annotate(speed=Cast(KT("data__tokens_per_s"), FloatField()))
            .order_by("-seq")
            .values_list("speed", flat=True)[:10]
        )
        if found:
            speeds.append(median(found))
    return Speed(median(speeds), len(speeds)) if speeds else None


def duration_range(low: float, high: float) -> str:
    """A range of seconds in one unit: "40 to 75 s", "2 to 4 min", "1.5 to 3.2 h"."""
    if high < 100:
        return f"{_round_to(low, 5)} to {_round_to(high, 5)} s"
    if high < 5400:
        least, most = max(1, round(low / 60)), max(1, round(high / 60))
        return f"about {most} min" if least == most else f"{least} to {most} min"
    if high < 48 * 3600:
        return f"{low / 3600:.1f} to {high / 3600:.1f} h"
    return f"{low / 86400:.1f} to {high / 86400:.1f} days"


def _resources(
    launch: Launch, spec: TrainingSpec, shape: ModelShape, seen: Sample | None
) -> tuple[Resources, Speed | None, tuple[Card, ...]]:
    """What the run takes here, what that rests on, and what it would take on named cards."""
    chosen, lengths = launch.choices.cleaned_data, launch.basis.lengths
    split, model = chosen["split"], chosen["base_model"]
    cutoff = spec.training.cutoff_len
    mean = lengths.mean if lengths else seen.mean if seen else min(UNKNOWN_LENGTH, cutoff)
    unknown = UNKNOWN_SHARE if spec.training.train_on_answers_only else 1.0
    own = split.rows("train")
    rows = Lengths(
        rows=own + (spec.training.replay_rows(own) if spec.data.replay else 0),
        mean=mean,
        longest=lengths.longest if lengths else cutoff,
        trained_share=seen.trained_share if seen else unknown,
    )
    evaluated = int(split.rows("validation") * mean) + probe_cost(spec.probes) + _task_cost(spec, split)
    teacher = read_shape(Path(spec.teacher.path)) if spec.teacher else None
    speed = measured_speed(model, spec.method, spec.adapter)
    found = estimate(
        shape,
        spec.training,
        spec.adapter,
        spec.adapter_options,
        dataclasses.replace(device.describe(), free_bytes=device.free_memory()),
        rows,
        method=spec.method,
        teacher=teacher,
        tokens_per_s=speed.tokens_per_s if speed else None,
        evaluation_tokens=evaluated,
    )
    cards = on_cards(
        shape,
        spec.training,
        spec.adapter,
        spec.adapter_options,
        rows,
        method=spec.method,
        teacher=teacher,
        evaluation_tokens=evaluated,
    )
    return found, speed, cards


def _task_cost(spec: TrainingSpec, split: Split) -> int:
    """Tokens of reading that answering validation rows is worth, at each evaluation."""
    if spec.training.task_metric == OFF:
        return 0
    return min(spec.training.task_rows, split.rows("validation")) * _ANSWER_COST


def _form_reasons(launch: Launch) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for form in (launch.choices, launch.settings, launch.forgetting):
        for name, errors in form.errors.items():
            label = str(form.fields[name].label) if name in form.fields else ""
            found.extend((label, str(error)) for error in errors)
    return tuple(found)


def _show_beside(launch: Launch, error: SpecError) -> None:
    section, _, name = error.field.partition(".")
    field = _SECTIONS.get(section, "") + name
    text = f"{error.found}. {error.remedy}"
    if section in _SECTIONS and field in launch.settings.fields:
        launch.settings.add_error(field, text)
    elif error.field in launch.choices.fields:
        launch.choices.add_error(error.field, text)
    else:
        launch.choices.add_error(None, f"{error.field}: {text}")


def _shape_reasons(spec: TrainingSpec, shapes: dict[str, int]) -> tuple[tuple[str, str], ...]:
    """Rows the method cannot train on: known from the audit, so said before anything is loaded."""
    method = METHODS[spec.method]
    odd = {shape: count for shape, count in shapes.items() if shape not in method.data_shapes}
    if not odd:
        return ()
    words = ", ".join(f"{count:,} {load(shape).TITLE.lower()}" for shape, count in odd.items())
    wanted = " or ".join(load(shape).TITLE.lower() for shape in method.data_shapes[:3])
    fits = [other.label for other in METHODS.values() if all(shape in other.data_shapes for shape in shapes)]
    instead = f" These rows go with: {'; '.join(fits)}." if fits else ""
    return (("Method", f"It trains on {wanted}; the data holds {words} rows.{instead}"),)


def _reasons(spec: TrainingSpec, shape: ModelShape, resources: Resources) -> tuple[tuple[str, str], ...]:
    found = []
    if not Path(spec.data.train).is_file():
        found.append(("Data", "The split's files are gone from the disk. Split the version again."))
    if spec.training.cutoff_len > shape.context:
        text = (
            f"The model reads at most {shape.context:,} tokens; {spec.training.cutoff_len:,} are asked for. Lower it."
        )
        found.append(("Cutoff length", text))
    machine = device.describe()
    if machine.gpus and spec.training.num_processes > 1:
        text = "A run started here gets one card. Set it to 1, or start the engine by hand (docs/training.md)."
        found.append(("Processes", text))
    room = machine.accelerator_bytes
    if resources.memory.low > room:
        text = f"At least {resources.memory.low / 1e9:.1f} GB are needed; {machine.name} has {room / 1e9:.1f} GB."
        found.append(("Memory", f"{text} Lower the batch size or the cutoff length, or train LoRA."))
    return tuple(found)


def _teacher_reasons(spec: TrainingSpec) -> tuple[tuple[str, str], ...]:
    """A teacher that writes other tokens is found by the run as well, minutes later."""
    if spec.teacher is None:
        return ()
    if same_tokens(Path(spec.model.path), Path(spec.teacher.path)) is False:
        text = (
            f"{spec.teacher.name} has another tokenizer than the base model, so its probabilities are of other tokens."
        )
        return (("Teacher", f"{text} Choose one of the same family, or let it draft answers and train on those."),)
    return ()


def _cautions(found: Preview, model: BaseModel) -> tuple[str, ...]:
    assert found.spec is not None and found.resources is not None
    said = []
    options, memory = found.spec.training, found.resources.memory
    if found.cut_share and found.cut_share >= 0.005:
        said.append(f"{found.cut_share:.1%} of the rows are longer than the cutoff length and lose their end.")
    if memory.high > memory.available and not found.reasons:
        said.append(f"Memory may not suffice: {memory.available / 1e9:.1f} GB are free at the moment.")
    if found.validation_rows < FEW_VALIDATION_ROWS:
        what = f"Only {found.validation_rows}" if found.validation_rows else "No"
        said.append(f"{what} validation rows: the best checkpoint cannot be told from chance.")
    if found.rows < options.effective_batch_size:
        said.append(
            f"The effective batch ({options.effective_batch_size}) is larger than the training rows ({found.rows})."
        )
    if found.spec.teacher and found.spec.teacher.path == found.spec.model.path:
        said.append("The teacher is the model itself: it has nothing to teach. Choose a larger one of its family.")
    elif found.spec.teacher and same_tokens(Path(found.spec.model.path), Path(found.spec.teacher.path)) is None:
        said.append("Whether the teacher writes the same tokens cannot be told here; the run checks it first.")
    if found.sample is None and not found.reasons:
        said.append("Which tokens are trained cannot be shown here; the page of the run shows its first batch.")
    if found.lengths is None:
        said.append("This version was audited without a tokenizer, so its token lengths are not known.")
    elif found.lengths.tokenizer and found.lengths.tokenizer != Path(model.folder).name:
        said.append(f"Token lengths were measured with another tokenizer ({found.lengths.tokenizer}).")
    return tuple(said)


def _round_to(value: float, unit: int) -> int:
    return max(unit, round(value / unit) * unit)
