"""The smallest change to a run that makes it fit into memory, computed and not guessed. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.decision.resources import Lengths, Memory, planned_memory
from engine.decision.shapes import ModelShape, read_shape
from engine.device import Device
from engine.training.options import SpecError
from engine.training.spec import TrainingSpec
from engine.training.training_options import UNSHARDED

SHORTEST_CUTOFF = 64
_FILLED = 0.95
"""Of the memory there is: a change that fills more of it than this is not proposed."""
_LIGHTER = {"lora": ("qlora",), "qlora": ()}


_Words = tuple[str, ...]
_Step = tuple[_Words, TrainingSpec]


@dataclass(frozen=True, slots=True)
class Change:
    """``spec`` with the change made; ``words`` say it as instructions; ``memory`` is its estimate in bytes."""

    words: _Words
    spec: TrainingSpec
    memory: Memory

    @property
    def sentence(self) -> str:
        need, there = self.memory.expected / 1e9, self.memory.available / 1e9
        words = ", then ".join(self.words)
        return f"{words[0].upper()}{words[1:]}: about {need:.1f} GB of the {there:.1f} GB there are."


def need(spec: TrainingSpec, shape: ModelShape, device: Device, lengths: Lengths) -> Memory:
    """What a run takes at its peak, its teacher included."""
    teacher = read_shape(Path(spec.teacher.path)) if spec.teacher else None
    return planned_memory(
        shape,
        spec.training,
        spec.adapter,
        spec.adapter_options,
        device,
        lengths,
        method=spec.method,
        teacher=teacher,
    )


def smallest_change(
    spec: TrainingSpec, shape: ModelShape, device: Device, lengths: Lengths, *, failed: bool = False
) -> Change | None:
    """The first change that fits, or None: a smaller batch at the same effective one, then checkpointing, then one
    model shared by all processes, then an adapter that holds less, then shorter rows; each beside those before it where
    it does not do alone.

    ``failed`` tells that the run as it is was seen not to fit: if the estimate says it would, all estimates are raised
    by as much as it was wrong.
    """
    now = need(spec, shape, device, lengths)
    wrong = max(1.0, now.available / max(1, now.expected)) if failed else 1.0
    for words, changed in _changes(spec, now.checkpointing, lengths):
        found = need(changed, shape, device, lengths)
        scaled = replace(found, expected=int(found.expected * wrong))
        if scaled.expected <= _FILLED * found.available:
            return Change(words, changed, scaled)
    return None


def _changes(spec: TrainingSpec, checkpointing: bool, lengths: Lengths) -> Iterator[_Step]:
    """The least change first."""
    found: list[_Step] = [((), spec), *_smaller_batches((), spec)]
    yield from found[1:]
    if not checkpointing and (twice := _with_training(spec, gradient_checkpointing="on")):
        words: _Words = ("switch gradient checkpointing on",)
        yield words, twice
        yield from (batches := list(_smaller_batches(words, twice)))
        found += [(words, twice), *batches]
    if spec.training.sharding == UNSHARDED and (shared := _with_training(spec, sharding="full")):
        yield ("share the model among the processes (sharding)",), shared
    lighter = []
    for key in _LIGHTER.get(spec.adapter, ("lora", "qlora")):
        for words, before in found:
            if changed := _with_adapter(before, key):
                lighter.append(((*words, f"train with {ADAPTERS[key].label}"), changed))
    yield from lighter
    for words, before in (found[0], (lighter or found)[-1]):
        yield from _shorter(words, before, lengths)


def _smaller_batches(words: _Words, spec: TrainingSpec) -> Iterator[_Step]:
    """Halves of the batch that keep the effective one."""
    effective = spec.training.effective_batch_size // spec.training.num_processes
    batch = spec.training.per_device_train_batch_size
    while batch > 1:
        batch //= 2
        steps = effective // batch
        if steps * batch != effective:
            continue
        if found := _with_training(spec, per_device_train_batch_size=batch, gradient_accumulation_steps=steps):
            yield (*words, f"set the batch size to {batch} and accumulation to {steps}"), found


def _shorter(words: _Words, spec: TrainingSpec, lengths: Lengths) -> Iterator[_Step]:
    cutoff = min(spec.training.cutoff_len, lengths.longest)
    while cutoff > SHORTEST_CUTOFF:
        cutoff = max(SHORTEST_CUTOFF, cutoff // 2 // 64 * 64)
        if found := _with_training(spec, cutoff_len=cutoff):
            yield (*words, f"lower the cutoff length to {cutoff:,} tokens"), found


def _with_training(spec: TrainingSpec, **values: Any) -> TrainingSpec | None:
    """None where method or adapter refuse the values."""
    try:
        return replace(spec, training=replace(spec.training, **values))
    except SpecError:
        return None


def _with_adapter(spec: TrainingSpec, key: str) -> TrainingSpec | None:
    """Options that both adapters know stay."""
    known = ADAPTERS[key].options().__dataclass_fields__
    kept = {name: value for name, value in asdict(spec.adapter_options).items() if name in known}
    try:
        return replace(spec, adapter=key, adapter_options=kept)
    except SpecError:
        return None
