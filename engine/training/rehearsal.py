"""Before step 1: the first batch is told as the model sees it, and the longest one is computed once, so that memory
that will not do is found in seconds, not in the tenth hour."""

from __future__ import annotations

import copy
import random
import time
from contextlib import nullcontext
from typing import Any

import numpy
import torch
from transformers import TrainerCallback

from engine.events import EventWriter
from engine.job import is_out_of_memory
from engine.training import first_batch, ranks
from engine.training.room import Room, forget_peak, peak_bytes
from engine.training.sharding import own


class Rehearsal(TrainerCallback):
    """Forward and backward of the longest batch, once, without an optimizer step. Weights, gradients, random numbers,
    counted tokens and collected measures are afterwards as they were: the losses of the run are the same without it."""

    def __init__(self, trainer: Any, tokenizer: Any, room: Room, events: EventWriter) -> None:
        self._trainer = trainer
        self._tokenizer = tokenizer
        self._room = room
        self._spec = room.spec
        self._events = events

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Raises EngineError("OutOfMemory") with the smallest change that helps."""
        if state.global_step:
            return
        if ranks.rank():  # where processes share a model, each computes when the first does; that one speaks
            if self._spec.training.dry_run:
                self._once(self._longest()[0])
            return
        self._events.emit("log", code="first_batch", **first_batch.describe(self._trainer, self._tokenizer))
        if self._spec.training.dry_run:
            self._dry_run()

    def _dry_run(self) -> None:
        rows, longest = self._longest()
        text = f"Dry run on the longest batch: {len(rows)} rows, up to {longest:,} tokens"
        self._events.emit("status", phase="dry_run", text=text)
        began, cpu_began = time.monotonic(), time.process_time()
        forget_peak()
        try:
            with self._room.tried():
                self._once(rows)
        except (RuntimeError, MemoryError) as error:
            if not (isinstance(error, MemoryError) or is_out_of_memory(error)):
                raise
            raise self._room.exhausted("in the dry run on the longest batch, before step 1") from error
        seconds = time.monotonic() - began
        self._events.emit(
            "log",
            code="dry_run",
            rows=len(rows),
            longest=longest,
            seconds=round(seconds, 2),
            cpu_seconds=round(time.process_time() - cpu_began, 2),
            peak_bytes=peak_bytes(),
            gpu_bytes=torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None,
            text=f"The longest batch fits: {len(rows)} rows of up to {longest:,} tokens in {seconds:.1f} s",
        )

    def _longest(self) -> tuple[list[dict[str, Any]], int]:
        return longest_batch(self._trainer.train_dataset, self._spec.training.per_device_train_batch_size)

    def _once(self, rows: list[dict[str, Any]]) -> None:
        trainer, model = self._trainer, self._trainer.model
        tokens, training = trainer.memory.tokens, model.training
        kept = {
            name: copy.deepcopy(getattr(trainer, name)) for name in ("_metrics", "_divergence") if _has(trainer, name)
        }
        chance, arrays = random.getstate(), numpy.random.get_state()
        # What the optimizer will hold from step 1 on is held meanwhile, untouched.
        held = 2 if self._spec.training.optim.startswith("adamw") else 0
        ballast = [
            torch.empty((held, *own(one).shape), device=one.device) for one in model.parameters() if one.requires_grad
        ]
        try:
            alone = nullcontext() if trainer.shards else trainer.by_itself()
            with torch.random.fork_rng(devices=range(torch.cuda.device_count())), alone:
                model.train()
                inputs = trainer._prepare_inputs(trainer.data_collator(rows))
                trainer.accelerator.backward(trainer.compute_loss(model, inputs))
        finally:
            del ballast
            model.zero_grad(set_to_none=True)
            model.train(training)
            random.setstate(chance)
            numpy.random.set_state(arrays)
            trainer.memory.tokens = tokens
            for name, value in kept.items():
                setattr(trainer, name, value)


def _has(trainer: Any, name: str) -> bool:
    return getattr(trainer, name, None) is not None


def longest_batch(dataset: Any, batch: int) -> tuple[list[dict[str, Any]], int]:
    """The ``batch`` longest rows of a dataset of token ids, and the tokens of the longest list in any of them."""
    from pyarrow import compute, types  # the library behind datasets

    table = dataset.with_format("arrow")[:]
    lengths = [
        compute.list_value_length(column).to_numpy()
        for column in table.columns
        if types.is_list(column.type) or types.is_large_list(column.type)
    ]
    order = numpy.argsort(-numpy.sum(lengths, axis=0), kind="stable")[:batch]
    return [dataset[int(place)] for place in order], int(max(max(one[order]) for one in lengths))
