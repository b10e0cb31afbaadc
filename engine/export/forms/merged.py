"""The whole model with the adapter folded into its weights, as safetensors: loads without this workbench or peft."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.adapters.table import ADAPTERS

if TYPE_CHECKING:
    from engine.export.work import Work

TITLE = "Whole model (safetensors)"
ABOUT = "Weights, tokenizer and chat template in one folder; can be trained again or evaluated as a base model here."
PRECISIONS = (
    ("as base", "As the base model is kept"),
    ("bf16", "BF16"),
    ("f16", "F16"),
    ("f32", "F32 (twice the size, nothing rounded)"),
)
NAMES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}


def refusal(adapter: str, base: Path) -> str:
    return ADAPTERS[adapter].stays_apart


def write(work: Work) -> None:
    import torch

    model, _ = work.merged()
    wanted = NAMES.get(work.spec.precision) or work.base_precision()
    work.tell(f"Writing the weights as {wanted}")
    model.to(getattr(torch, wanted)).save_pretrained(work.out)
    work.copy_tokenizer()


def reopen(folder: Path, base: Path) -> tuple[Any, Any]:
    from engine.export.merging import load_exact, load_tokenizer

    return load_exact(folder), load_tokenizer(folder)
