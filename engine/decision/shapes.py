"""The shape of a causal language model, from config.json or safetensors headers: no weights are read, no torch."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError

_HEADS = ("lm_head", "output", "embed_out")
_EMBEDDINGS = (
    "embed_tokens",
    "wte",
    "wpe",
    "embeddings",
    "embed_in",
    "embed_positions",
    "word_embeddings",
    "embedding",
)
_MAX_HEADER_BYTES = 100 << 20


@dataclass(frozen=True, slots=True)
class Linear:
    """One linear layer. ``name`` is the dotted module name, as "model.layers.0.self_attn.q_proj"."""

    name: str
    inputs: int
    outputs: int
    is_head: bool = False


@dataclass(frozen=True, slots=True)
class ModelShape:
    """``parameters`` counts tied weights once, as transformers does."""

    parameters: int
    linears: tuple[Linear, ...]
    layers: int
    hidden: int
    heads: int
    vocabulary: int
    context: int
    """Longest sequence the model was made for, in tokens."""
    exact: bool = True
    """False when the architecture is not known and no weights were at hand: then ``parameters`` is an estimate."""
    blocks: tuple[int, ...] = ()
    """Parameters of each transformer block, in order: matrices, biases and norms."""
    block_norms: tuple[int, ...] = ()
    """Of them, the weights of normalisation layers."""
    block_biases: tuple[int, ...] = ()
    biases: int = 0
    norms: int = 0
    """Weights of normalisation layers, the last one included; their biases count as biases."""
    key_value: int = 0
    """Width of one layer's keys (and of its values), all heads together."""

    @property
    def matrix_parameters(self) -> int:
        """Weights that each token is multiplied with, the head left out."""
        return sum(layer.inputs * layer.outputs for layer in self.linears if not layer.is_head)


def read_shape(folder: Path) -> ModelShape:
    """The shape of a model in a local folder, counted from its safetensors headers (exact for any architecture).

    Raises EngineError("Model", ...) when there is no readable config.json.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(
            "Model", f"{path} cannot be read: {error}", "Choose another base model, or fetch it again."
        ) from error
    tensors = _tensor_shapes(folder)
    return shape_of_tensors(tensors, config) if tensors else shape_of_config(config)


def shape_of_config(config: Mapping[str, Any]) -> ModelShape:
    """The shape a config.json implies. Exact for decoder layers built as Llama's, Mistral's, Qwen's and Gemma's are."""
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    layers = _number(config, "num_hidden_layers", "n_layer")
    heads = _number(config, "num_attention_heads", "n_head")
    vocabulary = _number(config, "vocab_size")
    kind = str(config.get("model_type", ""))
    linears, biases, norms = _gpt2_block(config, hidden) if kind == "gpt2" else _llama_block(config, hidden, heads)
    named = tuple(
        Linear(f"{'transformer.h' if kind == 'gpt2' else 'model.layers'}.{index}.{name}", inputs, outputs)
        for index in range(layers)
        for name, inputs, outputs in linears
    )
    tied = config.get("tie_word_embeddings", kind in ("gpt2", "gemma", "gemma2", "gemma3_text"))
    embeddings = vocabulary * hidden * (1 if tied else 2)
    if kind == "gpt2":
        embeddings += _number(config, "n_positions", "max_position_embeddings") * hidden + hidden
    block = sum(inputs * outputs for _, inputs, outputs in linears) + biases + norms
    last = hidden if kind == "gpt2" else 0  # the last norm's bias
    return ModelShape(
        parameters=layers * block + embeddings + hidden,
        linears=(*named, Linear("lm_head", hidden, vocabulary, is_head=True)),
        layers=layers,
        hidden=hidden,
        heads=heads,
        vocabulary=vocabulary,
        context=_context(config),
        exact=kind in _KNOWN,
        blocks=(block,) * layers,
        block_norms=(norms,) * layers,
        block_biases=(biases,) * layers,
        biases=layers * biases + last,
        norms=layers * norms + hidden,
        key_value=_key_value(config, hidden, heads),
    )


_KNOWN = ("llama", "mistral", "qwen2", "qwen3", "gemma", "smollm3", "gpt2")


def _llama_block(config: Mapping[str, Any], hidden: int, heads: int) -> tuple[list[tuple[str, int, int]], int, int]:
    """Linear layers of one block, its biases and its norms."""
    head = int(config.get("head_dim") or hidden // heads)
    wide, narrow = heads * head, int(config.get("num_key_value_heads") or heads) * head
    inner = _number(config, "intermediate_size", default=4 * hidden)
    linears = [
        ("self_attn.q_proj", hidden, wide),
        ("self_attn.k_proj", hidden, narrow),
        ("self_attn.v_proj", hidden, narrow),
        ("self_attn.o_proj", wide, hidden),
        ("mlp.gate_proj", hidden, inner),
        ("mlp.up_proj", hidden, inner),
        ("mlp.down_proj", inner, hidden),
    ]
    kind = config.get("model_type")
    biases, norms = 0, 2 * hidden
    if kind == "qwen2":
        biases += wide + 2 * narrow
    elif config.get("attention_bias"):
        biases += wide + 2 * narrow + hidden
    if kind == "qwen3":
        norms += 2 * head
    if config.get("mlp_bias"):
        biases += 2 * inner + hidden
    return linears, biases, norms


def _gpt2_block(config: Mapping[str, Any], hidden: int) -> tuple[list[tuple[str, int, int]], int, int]:
    inner = int(config.get("n_inner") or 4 * hidden)
    linears = [
        ("attn.c_attn", hidden, 3 * hidden),
        ("attn.c_proj", hidden, hidden),
        ("mlp.c_fc", hidden, inner),
        ("mlp.c_proj", inner, hidden),
    ]
    return linears, sum(outputs for _, _, outputs in linears) + 2 * hidden, 2 * hidden


def shape_of_tensors(tensors: Mapping[str, tuple[int, ...]], config: Mapping[str, Any]) -> ModelShape:
    """The shape of stored tensors: name -> dimensions. Linear layers are the two-dimensional ``.weight`` tensors."""
    linears = []
    vocabulary = _number(config, "vocab_size")
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    for name, dimensions in tensors.items():
        module, _, leaf = name.rpartition(".")
        last = module.rpartition(".")[2]
        if leaf == "weight" and len(dimensions) == 2 and last not in _EMBEDDINGS:
            outputs, inputs = dimensions
            is_head = last in _HEADS and vocabulary in dimensions
            linears.append(Linear(module, inputs, outputs, is_head=is_head))
    if not any(layer.is_head for layer in linears):
        linears.append(Linear("lm_head", hidden, vocabulary, is_head=True))
    layers, heads = _number(config, "num_hidden_layers", "n_layer"), _number(config, "num_attention_heads", "n_head")
    sizes = {name: math.prod(dimensions) for name, dimensions in tensors.items()}
    biases = {name: size for name, size in sizes.items() if name.endswith(".bias")}
    norms = {name: size for name, size in sizes.items() if name.endswith(".weight") and len(tensors[name]) == 1}
    return ModelShape(
        parameters=sum(sizes.values()),
        linears=tuple(linears),
        layers=layers,
        hidden=hidden,
        heads=heads,
        vocabulary=vocabulary,
        context=_context(config),
        blocks=_in_blocks(sizes, layers),
        block_norms=_in_blocks(norms, layers),
        block_biases=_in_blocks(biases, layers),
        biases=sum(biases.values()),
        norms=sum(norms.values()),
        key_value=_key_value(config, hidden, heads),
    )


def block_of(name: str) -> int:
    """The transformer block a parameter or module belongs to, from its dotted name; -1 when to none."""
    found = re.search(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)(?:\.|$)", name)
    return int(found[1]) if found else -1


def _in_blocks(sizes: Mapping[str, int], layers: int) -> tuple[int, ...]:
    """Parameters by block, of parameters by name."""
    found = [0] * layers
    for name, size in sizes.items():
        if 0 <= (block := block_of(name)) < layers:
            found[block] += size
    return tuple(found)


def _key_value(config: Mapping[str, Any], hidden: int, heads: int) -> int:
    head = int(config.get("head_dim") or hidden // heads)
    return head * int(config.get("num_key_value_heads") or heads)


def _tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and dimensions in all safetensors files of a folder (the header is 8 bytes of length, then JSON)."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
            if not 0 < length <= _MAX_HEADER_BYTES:
                raise EngineError("Model", f"{path} is no safetensors file.", "Fetch the model again.")
            try:
                header = json.loads(file.read(length))
                shapes.update({name: tuple(item["shape"]) for name, item in header.items() if name != "__metadata__"})
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise EngineError("Model", f"{path} has a broken header: {error}", "Fetch the model again.") from error
    return shapes


def _context(config: Mapping[str, Any]) -> int:
    return _number(config, "max_position_embeddings", "n_positions", "max_seq_len", default=2048)


def _number(config: Mapping[str, Any], *names: str, default: int | None = None) -> int:
    """The first of these entries that is a positive whole number, also inside ``text_config``."""
    for source in (config, config.get("text_config") or {}):
        for name in names:
            value = source.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    if default is not None:
        return default
    raise EngineError(
        "Model", f"config.json has no usable {names[0]}.", "Choose a causal language model in the transformers format."
    )
