"""A base model and its tokenizer from a local folder: safetensors only, no code of the folder is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.training.plan import Plan


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer with its own chat template, padding on the right.

    Raises EngineError("Model") when there is none, when it cannot say which characters a token came from (needed to
    find the trained tokens), or when it has no chat template.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise _unloadable(folder, error) from error
    if not tokenizer.is_fast:
        raise EngineError(
            "Model",
            f"The tokenizer in {folder.name} has no fast version (tokenizer.json).",
            "Choose a model that brings a tokenizer.json.",
        )
    if not tokenizer.chat_template:
        raise EngineError(
            "Model",
            f"The model in {folder.name} has no chat template, so there is no telling how it marks a turn.",
            "Choose the instruction-tuned version of this model.",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def load_model(folder: Path, plan: Plan, quantization: Any = None) -> Any:
    """The base model in the plan's precision on its device, its linear layers packed if ``quantization`` says how.

    Raises EngineError("Model") when it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    if not any(folder.glob("*.safetensors")):
        raise EngineError(
            "Model", f"{folder.name} holds no safetensors weights.", "Other formats can run code when read; convert it."
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=plan.weights,
            attn_implementation=plan.attention,
            quantization_config=quantization,
            device_map={"": plan.card if plan.device == "cuda" else plan.device},
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise _unloadable(folder, error) from error
    return model


def _unloadable(folder: Path, error: Exception) -> EngineError:
    return EngineError(
        "Model",
        f"The model in {folder} could not be loaded: {str(error)[:300]}",
        "Check that the folder is complete: config.json, *.safetensors and the tokenizer's files.",
    )
