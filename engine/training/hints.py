"""Settings that fit the data, the model and the device: where each differs from the plain default, it says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.decision.shapes import shape_of_config
from engine.device import Device
from engine.methods.table import METHODS
from engine.training.spec import TrainingOptions

SMALL_MODEL = 500_000_000
FEW_ROWS = 1_000
WANTED_STEPS = 100
"""Fewer optimizer steps than this, and a smaller effective batch learns more from the same rows."""
CPU_TOKENS = 120_000
"""Tokens that a processor trains in a few minutes (300 to 700 a second on two cores with a 135M model)."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    options: TrainingOptions
    reasons: dict[str, str]
    """Field name -> why this value and not the plain default."""


def suggest(
    rows: int,
    p99_tokens: int | None,
    model_config: Mapping[str, Any],
    method: str,
    adapter: str,
    device: Device,
) -> Suggestion:
    """Options for a run over ``rows`` training rows whose 99th percentile is ``p99_tokens`` long (None: not known)."""
    shape = shape_of_config(model_config)
    reasons: dict[str, str] = {}
    rate = METHODS[method].learning_rate * ADAPTERS[adapter].learning_rate_factor
    reasons["learning_rate"] = f"usual for {METHODS[method].label} with {ADAPTERS[adapter].label}"
    if shape.parameters < SMALL_MODEL:
        factor = ADAPTERS[adapter].small_model_factor
        rate *= factor
        reasons["learning_rate"] += f"; {factor:g} times that, because the model has under 500 million parameters"
    cutoff = _cutoff(p99_tokens, shape.context, reasons)
    epochs = _epochs(rows, cutoff, device, reasons)
    batch, accumulation = _batch(rows, epochs, cutoff, device, reasons)
    options = TrainingOptions(
        learning_rate=float(f"{rate:.3g}"),
        num_train_epochs=epochs,
        cutoff_len=cutoff,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
    )
    return Suggestion(options, reasons)


def _epochs(rows: int, cutoff: int, device: Device, reasons: dict[str, str]) -> float:
    """Three passes under 1,000 rows, else one; on a processor as many of them as stay a matter of minutes."""
    if rows >= FEW_ROWS:
        reasons["num_train_epochs"] = "one pass is usual from 1,000 rows on"
        return 1.0
    affordable = int(CPU_TOKENS // (rows * cutoff)) if device.kind == "cpu" else 3
    if affordable < 3:
        epochs = max(1, affordable)
        reasons["num_train_epochs"] = "fewer passes than the usual three: each takes minutes on a processor"
        return float(epochs)
    reasons["num_train_epochs"] = "under 1,000 rows, three passes are usual"
    return 3.0


def _cutoff(p99_tokens: int | None, context: int, reasons: dict[str, str]) -> int:
    """The data's 99th percentile rounded up to 64, at most 2048 and at most the model's context."""
    default = TrainingOptions().cutoff_len
    if p99_tokens is None:
        return min(default, context)
    cutoff = min(default, context, max(128, -(-p99_tokens // 64) * 64))
    if cutoff < default:
        reasons["cutoff_len"] = f"99 of 100 rows have at most {p99_tokens:,} tokens"
    return cutoff


def _batch(rows: int, epochs: float, cutoff: int, device: Device, reasons: dict[str, str]) -> tuple[int, int]:
    """(batch, accumulation): effective 16, or less where that would leave too few steps."""
    effective = 16
    while effective > 4 and rows * epochs / effective < WANTED_STEPS:
        effective //= 2
    if effective != 16:
        reasons["gradient_accumulation_steps"] = f"an effective batch of {effective} gives so few rows enough steps"
    batch = 4 if device.kind == "cpu" else min(8, effective)
    if cutoff > 1024:
        batch = max(1, batch // 2)
    return batch, max(1, effective // batch)
