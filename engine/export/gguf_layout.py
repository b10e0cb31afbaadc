"""Which models a GGUF file can be written of, and what their layers and settings are called in it. No torch.

A new architecture is one row of ARCHITECTURES, once a file of it is shown to answer as the model does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.export.gguf_tokens import tokenizer_refusal


@dataclass(frozen=True, slots=True)
class Architecture:
    """``gguf`` is its name in the file. ``permutes``: queries and keys lie in pairs there (the two halves that rotate
    together side by side), not in halves as transformers has them."""

    gguf: str
    permutes: bool
    head_size: int = 0
    """What readers take an attention head's size for; 0 is the hidden size over the number of heads."""


ARCHITECTURES: dict[str, Architecture] = {
    "llama": Architecture("llama", permutes=True),
    "qwen2": Architecture("qwen2", permutes=False),
    "qwen3": Architecture("qwen3", permutes=False, head_size=128),
}


def refusal(folder: Path) -> str:
    """Why no GGUF file can be written of the model in ``folder``; empty when one can."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"Its config.json or tokenizer.json cannot be read ({error})."
    return config_refusal(config) or tokenizer_refusal(tokenizer)


def config_refusal(config: Mapping[str, Any]) -> str:
    kind = str(config.get("model_type", ""))
    if kind not in ARCHITECTURES:
        return (
            f"Its architecture is {kind or 'not named'}; GGUF files are written of {', '.join(ARCHITECTURES)}. Export "
            "the whole model instead: llama.cpp's own converter reads that folder."
        )
    usual = ARCHITECTURES[kind].head_size or _usual_head(config)
    if int(config.get("head_dim") or usual) != usual:
        return f"Its attention heads have {config['head_dim']} values, where readers of {kind} files assume {usual}."
    stretched = rope(config).get("rope_type", "default")
    if stretched != "default":
        return f"Its positions are stretched ({stretched}), which the file would have to carry and does not yet."
    if config.get("use_sliding_window") or "sliding_attention" in (config.get("layer_types") or ()):
        return "Some of its layers look at a window of the text only, which the file would have to carry."
    return ""


def _usual_head(config: Mapping[str, Any]) -> int:
    return int(config.get("hidden_size", 0)) // max(1, int(config.get("num_attention_heads", 1)))


def rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """The rotary settings, which older files keep under other names."""
    found = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    found.setdefault("rope_type", found.get("type", "default"))
    found.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    return found


def settings(config: Mapping[str, Any]) -> dict[str, tuple[str, int | float]]:
    """Key below the architecture's name → ("uint32" or "float32", value)."""
    heads = int(config["num_attention_heads"])
    head_size = int(config.get("head_dim") or config["hidden_size"] // heads)
    return {
        "block_count": ("uint32", int(config["num_hidden_layers"])),
        "context_length": ("uint32", int(config["max_position_embeddings"])),
        "embedding_length": ("uint32", int(config["hidden_size"])),
        "feed_forward_length": ("uint32", int(config["intermediate_size"])),
        "attention.head_count": ("uint32", heads),
        "attention.head_count_kv": ("uint32", int(config.get("num_key_value_heads") or heads)),
        "attention.key_length": ("uint32", head_size),
        "attention.value_length": ("uint32", head_size),
        "attention.layer_norm_rms_epsilon": ("float32", float(config["rms_norm_eps"])),
        "rope.dimension_count": ("uint32", head_size),
        "rope.freq_base": ("float32", float(rope(config)["rope_theta"])),
        "vocab_size": ("uint32", int(config["vocab_size"])),
    }
