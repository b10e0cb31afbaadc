"""How a run computes on the device it finds itself on: precision, attention, checkpointing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine import device as machine
from engine.adapters.table import ADAPTERS
from engine.decision.resources import Lengths, planned_memory
from engine.decision.shapes import ModelShape, read_shape
from engine.training import ranks
from engine.training.options import SpecError
from engine.training.spec import TrainingSpec
from engine.training.training_options import UNSHARDED

EAGER_LIMIT = 1024
"""On a processor eager attention is the faster one for short rows; its score matrix grows with the square."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``weights``: the type base weights are loaded in. ``autocast``: what products are computed in, if another."""

    device: str
    weights: torch.dtype
    autocast: torch.dtype | None
    attention: str
    checkpointing: bool
    threads: int

    @property
    def fp16(self) -> bool:
        """fp16 needs the library's own loss scaling; bf16 and fp32 do not."""
        return self.autocast is torch.float16

    @property
    def card(self) -> int:
        """Which of the cards that this process may see it computes on."""
        return int(os.environ.get("LOCAL_RANK", "0"))

    def computing(self) -> torch.autocast:
        """A context in which products are computed as while training."""
        return torch.autocast(self.device, self.autocast or torch.bfloat16, enabled=self.autocast is not None)

    def describe(self) -> dict[str, Any]:
        """As an event carries it."""
        return {
            "device": self.device,
            "weights": _name(self.weights),
            "compute": _name(self.autocast or self.weights),
            "attention": self.attention,
            "gradient_checkpointing": self.checkpointing,
            "threads": self.threads,
        }


def decide(spec: TrainingSpec, shape: ModelShape, lengths: Lengths) -> Plan:
    """The plan for this process's device. Raises SpecError when the precision asked for is not there.

    On a processor: bf16 where it has the instructions, frozen weights in bf16, trained ones in fp32, explicit autocast
    (measured twice as fast as fp32 here). On a GPU: bf16 from Ampere on, else fp16 with loss scaling (unmeasured here).
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    half = _half(spec.training.precision, device)
    if half is torch.float16 and spec.training.sharding != UNSHARDED:
        raise SpecError("training.sharding", "this GPU has fp16 only, whose loss scaling is not shared", "Choose fp32.")
    trains_base = ADAPTERS[spec.adapter].trains_base
    keep_half = half is torch.bfloat16 or (half is torch.float16 and not trains_base)
    weights = half if half is not None and keep_half and not trains_base else torch.float32
    return Plan(
        device=device,
        weights=weights,
        autocast=half,
        attention="eager" if device == "cpu" and spec.training.cutoff_len <= EAGER_LIMIT else "sdpa",
        checkpointing=_checkpointing(spec, shape, lengths),
        threads=max(1, machine.describe().processors // ranks.world()),
    )


def _half(precision: str, device: str) -> torch.dtype | None:
    if precision == "fp32":
        return None
    if device == "cuda":
        has_bf16 = torch.cuda.get_device_capability()[0] >= 8
        if precision == "bf16" and not has_bf16:
            raise SpecError("training.precision", "this GPU has no bf16", "Choose automatic or fp16.")
        return torch.bfloat16 if precision != "fp16" and has_bf16 else torch.float16
    if precision == "fp16":
        raise SpecError("training.precision", "fp16 does not train on a processor", "Choose automatic, bf16 or fp32.")
    return torch.bfloat16 if precision == "bf16" or machine.describe().bf16 else None


def _checkpointing(spec: TrainingSpec, shape: ModelShape, lengths: Lengths) -> bool:
    """As asked, or only where the run would otherwise not fit: it costs a second forward pass."""
    teacher = read_shape(Path(spec.teacher.path)) if spec.teacher else None
    return planned_memory(
        shape,
        spec.training,
        spec.adapter,
        spec.adapter_options,
        machine.describe(),
        lengths,
        method=spec.method,
        teacher=teacher,
    ).checkpointing


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
