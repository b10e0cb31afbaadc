"""A training run from spec.json to its last checkpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback

from engine.adapters.table import ADAPTERS
from engine.control import Control
from engine.data import examples
from engine.decision.resources import Lengths
from engine.decision.resources import Memory as Estimated
from engine.decision.shapes import read_shape
from engine.errors import EngineError
from engine.events import EventWriter, Unheard
from engine.job import STOPPED, SUCCEEDED, is_out_of_memory
from engine.methods.table import METHODS
from engine.training import checkpoints, plan, ranks, record, replaying
from engine.training.anchoring import Anchor
from engine.training.checkpoints import Memory
from engine.training.encoding import Rows
from engine.training.following import Agreement, Together
from engine.training.loading import load_model, load_tokenizer
from engine.training.parts import Parts
from engine.training.probes import Probes
from engine.training.rehearsal import Rehearsal
from engine.training.reporting import Reporter, StopRequested
from engine.training.room import Room, peak_bytes
from engine.training.spec import TrainingSpec
from engine.training.target import Target
from engine.training.training_options import UNSHARDED

_LINES_NAMED = 20


def run(document: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """Trains as the document says. Returns 0 when the run came to its end, 3 when it was stopped.

    Raises EngineError with the reason and the remedy when it cannot go on.
    """
    run = _prepare(TrainingSpec.from_json(document), run_dir, events)
    parts, trainer, memory = run.parts, run.trainer, run.parts.memory
    record.write(run_dir, run.spec, parts.plan.describe(), memory.fingerprint)
    trainer.add_callback(Rehearsal(trainer, parts.tokenizer, run.room, events))
    target, probes = Target(run.spec, parts.tokenizer, events), Probes(run.spec.probes, events, memory)
    options = run.spec.training
    reporter = Reporter(trainer, parts.tokenizer, options, target, probes, memory, events, control, run_dir)
    if ranks.world() > 1:
        trainer.add_callback(Together(memory))
    trainer.add_callback(reporter)
    if ranks.world() > 1:
        trainer.add_callback(Agreement(trainer.shards))
    if run.resumed is not None:
        events.emit("status", phase="resumed", step=memory.step, text=f"Resumed from step {memory.step}")
    return _train(trainer, reporter, run.resumed, run.room)


def follow(document: dict[str, Any], run_dir: Path) -> int:
    """Trains beside the first process of a run, which alone measures, saves and speaks (``ranks``)."""
    run = _prepare(TrainingSpec.from_json(document), run_dir, Unheard())
    trainer = run.trainer
    if trainer.shards is not None:
        trainer.add_callback(Rehearsal(trainer, run.parts.tokenizer, run.room, Unheard()))
    trainer.add_callback(Together(run.parts.memory))
    trainer.add_callback(Agreement(trainer.shards))
    trainer.train(resume_from_checkpoint=str(run.resumed) if run.resumed else None)
    return SUCCEEDED


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Ready to train; ``resumed`` is the checkpoint to go on from, if any."""

    spec: TrainingSpec
    parts: Parts
    trainer: Any
    room: Room
    resumed: Path | None


def _prepare(spec: TrainingSpec, run_dir: Path, events: EventWriter) -> _Prepared:
    """The same in every process of a run. Raises EngineError."""
    model_dir = Path(spec.model.path)
    shape = read_shape(model_dir)
    resumed, memory = _resume(spec, model_dir, run_dir)
    tokenizer = load_tokenizer(model_dir)
    events.emit("status", phase="encoding", text="Reading and encoding the rows")
    train, validation = _encode(spec, tokenizer, events)
    replayed = replaying.mix(spec, train, tokenizer, events, run_dir)
    share = train.trained / max(1, train.tokens)
    lengths = Lengths(len(train.encoded), train.tokens / len(train.encoded), train.longest, share)
    room = Room(spec, shape, lengths, run_dir)
    _tell_estimate(room.require(), events)
    how = plan.decide(spec, shape, lengths)
    torch.set_num_threads(how.threads)
    events.emit("status", phase="loading", text=f"Loading {spec.model.name or model_dir.name}", **how.describe())
    set_seed(spec.training.seed)
    model = _load(spec, model_dir, how)
    parts = Parts(model, tokenizer, train, validation, spec, how, memory, run_dir)
    trainer = METHODS[spec.method].module().build_trainer(parts)
    trainer.remove_callback(PrinterCallback)
    for parameter in model.parameters():
        if parameter.requires_grad:  # trl makes them bf16 beside a packed model, where small steps round away
            parameter.data = parameter.data.float()
    anchor = None
    if spec.training.l2_to_start or spec.training.ewc:
        anchor = Anchor(model, tokenizer, spec.training, events, how.computing, replayed)
        trainer.add_callback(anchor)
    if spec.training.sharding != UNSHARDED:
        _shard(trainer, spec, anchor, resumed, events)
    return _Prepared(spec, parts, trainer, room, resumed)


def _shard(trainer: Any, spec: TrainingSpec, anchor: Anchor | None, resumed: Path | None, events: EventWriter) -> None:
    """Parts the model among the processes, with the weights it goes on from."""
    if resumed is not None:
        trainer._load_from_checkpoint(str(resumed))
    trainer.shard()
    if anchor is not None:
        anchor.part(trainer.model)
    held, there = trainer.shards.count()
    text = f"The model is shared: each of {ranks.world()} processes holds about {held:,} of {there:,} weights"
    events.emit("log", code="sharded", held=held, weights=there, text=text)


def _load(spec: TrainingSpec, model_dir: Path, how: plan.Plan) -> Any:
    """The base model with what trains."""
    adapter = ADAPTERS[spec.adapter]
    packed = (
        adapter.module().quantization(spec.adapter_options, how.autocast or how.weights) if adapter.packs_base else None
    )
    return adapter.module().attach(load_model(model_dir, how, packed), spec.adapter_options)


def _tell_estimate(memory: Estimated, events: EventWriter) -> None:
    """So that what is measured can be held against it."""
    events.emit(
        "log",
        code="memory_estimate",
        expected_bytes=memory.expected,
        low_bytes=memory.low,
        high_bytes=memory.high,
        available_bytes=memory.available,
        text=f"Memory: {memory.low / 1e9:.1f} to {memory.high / 1e9:.1f} GB expected of {memory.available / 1e9:.1f}",
    )


def _train(trainer: Any, reporter: Reporter, resumed: Path | None, room: Room) -> int:
    cpu_began, began = time.process_time(), time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    except StopRequested:
        reporter.ending = "stop"
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, MemoryError) or is_out_of_memory(error)):
            raise
        raise room.exhausted(f"at step {reporter.memory.step + 1}") from error
    memory = reporter.memory
    kept = checkpoints.whole(reporter.run_dir)
    stopped = reporter.ending in ("stop", "save")
    if stopped:
        last = f"checkpoint at step {checkpoints.step_of(kept[-1])}" if kept else "no checkpoint yet"
        reporter.events.emit("status", phase="stopped", step=memory.step, text=f"Stopped at step {memory.step}; {last}")
    best = memory.best_step if room.spec.training.keep_best else None
    recommended = reporter.recommended()
    if recommended.step is None and kept and memory.baseline:
        reporter.events.emit("warning", code="no_recommendation", step=memory.step, text=recommended.why)
    by_step = {checkpoints.step_of(folder): folder for folder in kept}
    result = by_step.get(recommended.step or -1) or by_step.get(best or -1) or (kept[-1] if kept else None)
    reporter.events.emit(
        "done",
        step=memory.step,
        total=trainer.state.max_steps,
        ended=reporter.ending or "complete",
        result=str(result.relative_to(reporter.run_dir)) if result else None,
        best_step=best,
        best_eval_loss=memory.best_loss,
        recommended_step=recommended.step,
        why=recommended.why,
        measuring_seconds={name: round(took, 1) for name, took in memory.measuring.items()},
        tokens=memory.tokens,
        peak_bytes=peak_bytes(),
        seconds=round(time.monotonic() - began, 1),
        cpu_seconds=round(time.process_time() - cpu_began, 1),
    )
    return STOPPED if stopped else SUCCEEDED


def _resume(spec: TrainingSpec, model_dir: Path, run_dir: Path) -> tuple[Path | None, Memory]:
    """The checkpoint to go on from, if any, and the run's memory. Raises EngineError when something changed since."""
    files = {
        "training data": Path(spec.data.train),
        "validation data": Path(spec.data.validation) if spec.data.validation else None,
        "replay data": Path(spec.data.replay) if spec.data.replay else None,
    }
    for name, path in files.items():
        if path is not None and not path.is_file():
            raise EngineError("Data", f"The {name} file {path} is not there.", "Launch the run again from its form.")
    teacher = Path(spec.teacher.path) if spec.teacher else None
    found = checkpoints.fingerprint(spec.fingerprint(), model_dir, files, teacher)
    latest = checkpoints.latest(run_dir)
    if latest is None:
        return None, Memory(fingerprint=found)
    folder, memory = latest
    checkpoints.require_same(found, memory)
    return folder, memory


def _encode(spec: TrainingSpec, tokenizer: Any, events: EventWriter) -> tuple[Rows, Rows | None]:
    train = _encode_file(spec, spec.data.train, "training", tokenizer, events)
    if not train.encoded:
        raise EngineError(
            "Data",
            f"None of the training rows has a trained token within {spec.training.cutoff_len:,} tokens.",
            "Raise the cutoff length, or check that the rows have answers.",
        )
    if spec.data.validation is None:
        return train, None
    validation = _encode_file(spec, spec.data.validation, "validation", tokenizer, events)
    return train, validation if validation.encoded else None


def _encode_file(spec: TrainingSpec, path: str, name: str, tokenizer: Any, events: EventWriter) -> Rows:
    """Encodes one file and says what was cut, left out or trained only in part: nothing is lost silently."""
    shapes = METHODS[spec.method].data_shapes
    loaded = examples.load(Path(path), spec.data.system_prompt)
    for item in loaded:
        if item.example.shape not in shapes:
            raise EngineError(
                "Data",
                f"Line {item.line} of the {name} rows has the shape {item.example.shape}.",
                f"{METHODS[spec.method].label} trains on: {', '.join(shapes)}.",
            )
    pairs = ((item.line, item.example) for item in loaded)
    rows: Rows = METHODS[spec.method].module().encode_rows(pairs, tokenizer, spec)
    cutoff = f"{spec.training.cutoff_len:,} tokens"
    for code, lines, text in (
        ("over_cutoff", rows.cut, f"are longer than {cutoff} and were cut at the end"),
        ("no_supervised_tokens", rows.unsupervised, f"have no trained token within {cutoff} and were left out"),
        ("partly_trained", rows.partly, "train only their last answer: the chat template rewrites earlier turns"),
    ):
        if lines:
            text = f"{len(lines):,} of {len(loaded):,} {name} rows {text}."
            events.emit("warning", code=code, text=text, count=len(lines), lines=lines[:_LINES_NAMED])
    events.emit(
        "log",
        code="encoded",
        text=f"{len(rows.encoded):,} {name} rows, {rows.tokens:,} tokens, {rows.trained:,} of them trained",
        rows=len(rows.encoded),
        tokens=rows.tokens,
        trained_tokens=rows.trained,
        longest=rows.longest,
    )
    return rows
