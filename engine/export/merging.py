"""A checkpoint as one whole model: the adapter folded into its base, in fp32 on the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.errors import EngineError
from engine.evaluation.weights import attach, load_model

ADAPTER_CONFIG = "adapter_config.json"


def load_exact(folder: Path) -> Any:
    """The model of a folder in fp32 on the processor, so that nothing is rounded. Raises EngineError("Model")."""
    model, _ = load_model(folder, device="cpu", dtype=torch.float32)
    return model


def load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_tuned(base: Path, checkpoint: Path) -> Any:
    """The checkpoint as an evaluation has it: its adapter beside the base model, or the whole model it is."""
    if (checkpoint / ADAPTER_CONFIG).is_file():
        return attach(load_exact(base), checkpoint)
    return load_exact(checkpoint)


def merge(base: Path, checkpoint: Path) -> Any:
    """The same without an adapter. Raises EngineError("Model") when folding it in gives no finite weights."""
    tuned = load_tuned(base, checkpoint)
    if not (checkpoint / ADAPTER_CONFIG).is_file():
        return tuned
    try:
        return tuned.merge_and_unload(safe_merge=True).eval()
    except ValueError as problem:  # peft's word for weights that are not finite any more
        raise EngineError(
            "Model", f"The adapter cannot be folded into the weights: {problem}", "Export the adapter instead."
        ) from problem
