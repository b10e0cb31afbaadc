"""Would a run fit a card one can rent? Arithmetic on the makers' figures: no card was measured. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.decision.resources import Lengths, Memory, Time, estimate
from engine.decision.shapes import ModelShape
from engine.device import Device, Gpu
from engine.training.spec import TrainingOptions

_GB = 1 << 30

CARDS = (
    Gpu("RTX 3090 24 GB", 24 * _GB, 24 * _GB, 8.6),
    Gpu("RTX 4090 24 GB", 24 * _GB, 24 * _GB, 8.9),
    Gpu("A100 40 GB", 40 * _GB, 40 * _GB, 8.0),
    Gpu("A100 80 GB", 80 * _GB, 80 * _GB, 8.0),
    Gpu("H100 80 GB", 80 * _GB, 80 * _GB, 9.0),
)
"""Usually the cheaper to rent first. Memory and compute capability are from the makers' data sheets."""


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    memory: Memory
    time: Time
    cheapest: bool = False
    """The first of the list that the whole range fits in."""


def on_cards(
    shape: ModelShape,
    options: TrainingOptions,
    adapter: str,
    adapter_options: Any,
    lengths: Lengths,
    *,
    method: str = "sft",
    teacher: ModelShape | None = None,
    evaluation_tokens: int = 0,
) -> tuple[Card, ...]:
    """The same run on each card, checkpointing on where automatic would turn it on there; times rest on the makers'
    peaks and no measurement."""
    found: list[Card] = []
    for gpu in CARDS:
        device = Device("cuda", gpu.name, 8, gpu.memory_bytes, gpu.memory_bytes, gpus=(gpu,))
        resources = estimate(
            shape,
            options,
            adapter,
            adapter_options,
            device,
            lengths,
            method=method,
            teacher=teacher,
            evaluation_tokens=evaluation_tokens,
        )
        first = resources.memory.verdict == "fits" and not any(card.cheapest for card in found)
        found.append(Card(gpu.name, resources.memory, resources.time, first))
    return tuple(found)
