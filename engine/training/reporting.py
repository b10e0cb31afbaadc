"""Between the trainer and the event log: progress, metrics, measurements, checkpoints, and obeying the supervisor."""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import TrainerCallback

from engine.control import Control
from engine.decision.recommendation import Recommendation, candidates, recommend
from engine.errors import EngineError
from engine.events import EventWriter
from engine.training import checkpoints
from engine.training.checkpoints import Memory
from engine.training.following import in_one_piece
from engine.training.probes import Probes
from engine.training.spec import TrainingOptions
from engine.training.target import Target

Ending = Literal["", "stop", "save", "early", "forgetting"]
_RECENT_STEPS = 20


class Spent:
    """Seconds by what they went into, in a row."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def on(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = now - self._since
        self._since = now


class StopRequested(Exception):
    """The supervisor wants the run to end now."""


class Reporter(TrainerCallback):
    """One callback, because order matters: progress, then the supervisor's word, then measuring, then saving."""

    def __init__(
        self,
        trainer: Any,
        tokenizer: Any,
        options: TrainingOptions,
        target: Target,
        probes: Probes,
        memory: Memory,
        events: EventWriter,
        control: Control,
        run_dir: Path,
    ) -> None:
        self.trainer = trainer
        self.tokenizer = tokenizer
        self.options = options
        self.target = target
        self.probes = probes
        self.memory = memory
        self.events = events
        self.control = control
        self.run_dir = run_dir
        self.ending: Ending = ""
        self.final = False
        self._started = time.monotonic()
        self._before = memory.seconds
        self._step_seconds: deque[float] = deque(maxlen=_RECENT_STEPS)
        self._measure_seconds: deque[float] = deque(maxlen=_RECENT_STEPS)
        self._step_began = self._started
        self._logged = (0, 0.0)
        self._told = self._started

    # What the library calls, in the order of a run

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.eval_every = self.options.evaluation_steps(state.max_steps)
        self.save_every = self.options.save_steps or self.eval_every
        self._logged = (self.memory.tokens, self.memory.trained_seconds)
        if state.global_step == 0:
            self.events.emit("status", phase="baseline", text="Measuring the model before the first step")
            self._measure(0)
        self.events.emit("status", phase="training", text=f"Training, {state.max_steps:,} steps")
        self._step_began = time.monotonic()

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._obey_stop()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        now = time.monotonic()
        self._step_seconds.append(now - self._step_began)
        self.memory.trained_seconds += now - self._step_began
        step, total = state.global_step, state.max_steps
        self.memory.step = step
        self.memory.seconds = self._before + now - self._started
        self._progress(state)
        self._obey_stop()
        wanted: Ending = "save" if self.control.wanted() == "save" or self.control.orphaned() else ""
        save = bool(wanted) or step % self.save_every == 0 or step >= total
        if step % self.eval_every == 0 or step >= total:
            self.events.emit("status", phase="evaluating", step=step, text=f"Evaluating at step {step:,}")
            best, wanted = self._judge(step, wanted)
            save = save or best or bool(wanted)
            if step < total and not wanted:
                self.events.emit("status", phase="training", text=f"Training, {total:,} steps")
        if wanted:
            self.ending = wanted
            control.should_training_stop = True
        self.final = step >= total or wanted in ("early", "forgetting")
        control.should_save = save
        self._step_began = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        logs = logs or {}
        if "loss" not in logs:
            return
        step = state.global_step
        bad = [logs[name] for name in ("loss", "grad_norm") if not math.isfinite(float(logs.get(name) or 0.0))]
        if bad:
            raise _diverged(step, float(bad[0]), self.options.learning_rate)
        tokens, seconds = self.memory.tokens, self.memory.trained_seconds
        since = (tokens - self._logged[0], seconds - self._logged[1])
        self._logged = (tokens, seconds)
        self.events.emit(
            "metric",
            step=step,
            epoch=round(float(state.epoch or 0.0), 4),
            loss=logs["loss"],
            lr=logs.get("learning_rate"),
            grad_norm=logs.get("grad_norm"),
            tokens_per_s=round(since[0] / since[1], 1) if since[1] > 0 else None,
            rss_bytes=resident_bytes(),
            gpu_bytes=torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None,
            **{name: logs[key] for key, name in self.trainer.extras.items() if key in logs},
        )

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = state.global_step
        folder = self.run_dir / checkpoints.FOLDER / f"step-{step}"
        self.events.emit(
            "checkpoint",
            step=step,
            path=str(folder.relative_to(self.run_dir)),
            sha256=checkpoints.weights_digest(folder),
            scores=checkpoints.scores_at(self.memory, step),
            best=self.options.keep_best and self.memory.best_step == step,
            recommended=self.recommended().step == step,
            final=self.final,
        )
        kept = {self.memory.best_step, self.recommended().step} if self.options.keep_best else set()
        for removed in checkpoints.prune(self.run_dir, self.options.save_total_limit, kept):
            self.events.emit("log", code="checkpoint_removed", step=removed, text=f"Removed checkpoint step-{removed}")
        self._step_began = time.monotonic()

    # Measuring and judging

    def recommended(self, besides: int | None = None) -> Recommendation:
        """Which of the checkpoints on the disk to take; ``besides`` is a step that could be saved now."""
        saved = {checkpoints.step_of(folder) for folder in checkpoints.whole(self.run_dir)} | {besides or 0}
        measured = candidates(self.memory.scores, self.memory.baseline, self.memory.sizes, by=self.options.choose_by)
        return recommend(measured, saved, self.probes.limit, self.probes.titles)

    def _judge(self, step: int, wanted: Ending) -> tuple[bool, Ending]:
        """Measures, and says whether this is the best step so far and whether the run should end."""
        loss, forgotten = self._measure(step)
        best = False
        if loss is not None:
            best = self.memory.best_loss is None or loss < self.memory.best_loss
            self.memory.stale = 0 if best else self.memory.stale + 1
            if best:
                self.memory.best_loss, self.memory.best_step = loss, step
            patience = self.options.early_stopping_patience
            if not wanted and patience and self.memory.stale >= patience:
                self.events.emit(
                    "warning",
                    code="early_stopping",
                    step=step,
                    text=(
                        f"Stopped early at step {step}: the validation loss has not improved for {patience} "
                        f"evaluations (best {self.memory.best_loss:.4f} at step {self.memory.best_step})."
                    ),
                )
                return best, "early"
        if not wanted and forgotten and self.options.stop_on_forgetting:
            return best, "forgetting"
        # A step that is not the best of all may be the best of those that forgot little.
        best = best or self.recommended(step).step == step
        return best and self.options.keep_best, wanted

    def _measure(self, step: int) -> tuple[float | None, bool]:
        """Validation loss and probes of the model as it is; the trainer's random numbers are left untouched."""
        began = time.monotonic()
        loss: float | None = None
        spent = Spent()
        chance = torch.random.fork_rng(devices=range(torch.cuda.device_count()))
        with chance, in_one_piece(self.trainer.shards):
            if self.trainer.eval_dataset is not None:
                loss, precision = self.trainer.validate(self._between_batches)
                if not math.isfinite(loss):
                    raise _diverged(step, loss, self.options.learning_rate)
                extras = {f"eval_{name}": value for name, value in self.trainer.validated().items()}
                self.events.emit("metric", step=step, eval_loss=loss, precision=precision, **extras)
            spent.on("validation")
            task = self.target.measure(self.trainer.model, step, self._between_batches)
            spent.on("task")
            scores, forgotten = self.probes.measure(self.trainer.model, self.tokenizer, step, self._probed)
            spent.on("probes")
        self.memory.scores[str(step)] = {**scores, **task, **({} if loss is None else {"eval_loss": loss})}
        self._measure_seconds.append(time.monotonic() - began)
        if step:
            self._tell_spent(step, spent.seconds)
        return loss, forgotten

    def _tell_spent(self, step: int, seconds: dict[str, float]) -> None:
        """What measuring has taken of the run's time since step 1, so that nobody has to guess what probes cost."""
        for name, took in seconds.items():
            self.memory.measuring[name] = self.memory.measuring.get(name, 0.0) + took
        measured, trained = sum(self.memory.measuring.values()), self.memory.trained_seconds
        share = measured / max(measured + trained, 1e-9)
        parts = ", ".join(f"{name} {took:.1f} s" for name, took in self.memory.measuring.items() if took >= 0.05)
        self.events.emit(
            "log",
            code="measured",
            step=step,
            share=round(share, 4),
            seconds={name: round(took, 2) for name, took in self.memory.measuring.items()},
            text=f"Measuring took {share:.0%} of the time since step 1 ({parts})",
        )

    # Words to and from the supervisor

    def _probed(self, done: int, total: int) -> None:
        """At most once a second: how far the probes are, since they can take longer than a step."""
        if time.monotonic() - self._told >= 1.0:
            self._told = time.monotonic()
            text = f"Measuring forgetting: {done} of {total} probes"
            self.events.emit("status", phase="measuring", step=self.memory.step, done=done, total=total, text=text)
        self._between_batches()

    def _between_batches(self) -> None:
        """Between two batches of a measurement. Before the first step there is nothing to save: both words end it."""
        if self.control.wanted() == "stop" or (self.memory.step == 0 and self.control.wanted()):
            raise StopRequested

    def _obey_stop(self) -> None:
        if self.control.wanted() == "stop":
            raise StopRequested

    def _progress(self, state: Any) -> None:
        left = state.max_steps - state.global_step
        evaluations = left // self.eval_every + bool(left % self.eval_every)
        eta = left * _mean(self._step_seconds) + evaluations * _mean(self._measure_seconds)
        self.events.emit(
            "progress",
            step=state.global_step,
            total=state.max_steps,
            epoch=round(float(state.epoch or 0.0), 4),
            eta_s=round(eta, 1),
            tokens=self.memory.tokens,
        )


def _mean(values: deque[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _diverged(step: int, loss: float, rate: float) -> EngineError:
    if step == 0:
        return EngineError(
            "Model",
            f"The base model's loss is {loss} before any step: its weights are broken.",
            "Fetch the model again, or choose another one.",
        )
    return EngineError(
        "Config",
        f"The loss or its gradient became {loss} at step {step}: the weights are no longer usable.",
        f"Lower the learning rate (it was {rate:g}; try {rate / 10:g}), then start again.",
    )


def resident_bytes() -> int:
    """Memory this process holds now (Linux), else at most so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    import os

    return pages * os.sysconf("SC_PAGE_SIZE")
