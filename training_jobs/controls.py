"""The controls of the launch form that are more than one field: how long a run is, and which layers get LoRA.

Both work without JavaScript; with it, static/js/launch.js keeps their parts in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.http import QueryDict

from engine.adapters.table import ALL_LINEAR
from engine.decision.shapes import read_shape
from engine.errors import EngineError

RUN_LENGTH, BY_EPOCHS, BY_STEPS = "run_length", "epochs", "steps"
EPOCHS, STEPS = "num_train_epochs", "max_steps"
TARGETS = "adapter__target_modules"
PICKED, STOOD = f"{TARGETS}__picked", f"{TARGETS}__stood"
RANK, ALPHA = "adapter__lora_rank", "adapter__lora_alpha"
_ORDER = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
BATCH, ACCUMULATION, PROCESSES = "per_device_train_batch_size", "gradient_accumulation_steps", "num_processes"


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """A name of linear layers, and how many of them the model has."""

    name: str
    count: int


def layer_choices(folder: Path) -> tuple[LayerChoice, ...]:
    """The linear layers that can get LoRA, in the order of a block; none when the model cannot be read."""
    try:
        shape = read_shape(folder)
    except EngineError:
        return ()
    names = [layer.name.rpartition(".")[2] for layer in shape.linears if not layer.is_head]
    # Headers name tensors by the alphabet; a block is read in this order.
    known = sorted(dict.fromkeys(names), key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return tuple(LayerChoice(name, names.count(name)) for name in known)


def picked(text: str, layers: tuple[LayerChoice, ...]) -> set[str]:
    """The names that a text of target modules ticks."""
    names = {layer.name for layer in layers}
    return names if text.strip() == ALL_LINEAR else names & {part.strip() for part in text.split(",")}


def read_controls(data: Mapping[str, Any]) -> Any:
    """What was sent, with one value for each of these controls: the ticked layers count where the text beside them was
    left as it stood, and of epochs and steps the one that was chosen counts."""
    many = data.getlist if isinstance(data, QueryDict) else None
    found: Any = data.copy() if isinstance(data, QueryDict) else dict(data)
    if found.get(RUN_LENGTH) == BY_EPOCHS:
        found[STEPS] = ""
    ticked = many(PICKED) if many else found.get(PICKED, [])
    ticked = [str(name) for name in ([ticked] if isinstance(ticked, str) else ticked)]
    if STOOD in found and found[STOOD] == found.get(TARGETS):
        every = str(found.get(f"{PICKED}__all", "")).split(",")
        stood = set(every) if found[STOOD].strip() == ALL_LINEAR else set(map(str.strip, found[STOOD].split(",")))
        if set(ticked) != stood & set(every):
            kept = [name for name in map(str.strip, found[STOOD].split(",")) if name not in (*every, ALL_LINEAR)]
            found[TARGETS] = ALL_LINEAR if set(ticked) == set(every) else ", ".join([*ticked, *kept])
    return found
