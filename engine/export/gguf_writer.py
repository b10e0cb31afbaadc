"""Writes a model and its tokenizer as one GGUF file, a tensor at a time, and reads such a file back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from engine.errors import EngineError
from engine.export import gguf_tokens
from engine.export.gguf_layout import ARCHITECTURES, Architecture, settings

QUANTS = gguf.GGMLQuantizationType
# Precision → the type of matrices and the file's own number for it. Norms and biases are always in 32 bits.
TYPES: dict[str, tuple[gguf.GGMLQuantizationType, gguf.LlamaFileType]] = {
    "f32": (QUANTS.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (QUANTS.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (QUANTS.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (QUANTS.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
_BLOCK = 32
"""Q8_0 packs this many weights of a line; lines of another length stay in 16 bits."""


@dataclass(frozen=True, slots=True)
class About:
    """What the file says of itself."""

    name: str
    base: str
    licence: str


def write(
    path: Path,
    model: Any,
    tokenizer: Any,
    document: Mapping[str, Any],
    precision: str,
    about: About,
    look: Callable[[], None] = lambda: None,
) -> None:
    """``model`` is a merged transformers model, ``document`` its tokenizer.json; ``look`` is called before each tensor
    and may raise to stop. Raises EngineError("Model") for a weight that the file has no place for."""
    config = model.config.to_dict()
    architecture = ARCHITECTURES[config["model_type"]]
    names = gguf.get_tensor_name_map(_kind(architecture), config["num_hidden_layers"])
    wanted, file_type = TYPES[precision]
    writer = gguf.GGUFWriter(path, architecture.gguf, use_temp_file=False)
    _describe(writer, about, config, architecture, file_type)
    _tokenizer(writer, tokenizer, document, config["vocab_size"])
    tensors = list(_tensors(model, names))
    for name, weight in tensors:
        kind = _type_of(name, weight, wanted)
        shape = tuple(weight.shape) if kind == QUANTS.F32 else gguf.quant_shape_to_byte_shape(weight.shape, kind)
        size = int(np.prod(gguf.quant_shape_to_byte_shape(weight.shape, kind))) if kind != QUANTS.F32 else 0
        if kind == QUANTS.F32:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), weight.numel() * 4)
        else:
            writer.add_tensor_info(name, shape, np.dtype(np.uint8), size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, weight in tensors:
        look()
        values = _permuted(name, weight, config, architecture).detach().to(torch.float32).cpu().contiguous().numpy()
        writer.write_tensor_data(_packed(name, values, _type_of(name, weight, wanted)))
    writer.close()


def read_tokenizer(folder: Path, filename: str) -> Any:
    """The tokenizer of a file, from what stands in the file alone."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, gguf_file=filename)
    return gguf_tokens.mended(tokenizer, split_in(folder / filename))


def read_model(folder: Path, filename: str) -> Any:
    """The model of a file in fp32 on the processor, whatever precision it is kept in."""
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=filename, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    return model.eval()


def split_in(path: Path) -> str:
    """The name in the file of the way text is split."""
    field = gguf.GGUFReader(path).get_field(gguf.Keys.Tokenizer.PRE)
    name = field.contents() if field is not None else ""
    if name not in gguf_tokens.SPLITS:
        raise EngineError("Model", f"{path.name} splits text by {name!r}, which is not known here.", "Export it again.")
    return str(name)


def _kind(architecture: Architecture) -> gguf.MODEL_ARCH:
    return next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture.gguf)


def _describe(
    writer: gguf.GGUFWriter,
    about: About,
    config: Mapping[str, Any],
    architecture: Architecture,
    file_type: gguf.LlamaFileType,
) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(about.name)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, about.base)
    if about.licence:
        writer.add_license(about.licence)
    writer.add_file_type(int(file_type))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, (kind, value) in settings(config).items():
        getattr(writer, f"add_{kind}")(f"{architecture.gguf}.{key}", value)


def _tokenizer(writer: gguf.GGUFWriter, tokenizer: Any, document: Mapping[str, Any], size: int) -> None:
    tokens, types = gguf_tokens.vocabulary(document, size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(gguf_tokens.split_name(document))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(gguf_tokens.merges(document))
    for name in ("bos", "eos", "unk", "pad"):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            getattr(writer, f"add_{name}_token_id")(number)
    begun = tokenizer("a")["input_ids"]
    writer.add_add_bos_token(bool(begun) and begun[0] == tokenizer.bos_token_id)
    writer.add_add_eos_token(bool(begun) and begun[-1] == tokenizer.eos_token_id)
    writer.add_add_space_prefix(False)
    if tokenizer.chat_template:
        template = tokenizer.chat_template
        writer.add_chat_template(template if isinstance(template, str) else json.dumps(template))


def _tensors(model: Any, names: gguf.TensorNameMap) -> Iterator[tuple[str, Any]]:
    tied = bool(model.config.tie_word_embeddings)
    for name, weight in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        found = names.get_name(key=name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise EngineError(
                "Model", f"GGUF has no place for the weight {name} of this model.", "Export the whole model instead."
            )
        yield found, weight


def _type_of(name: str, weight: Any, wanted: gguf.GGMLQuantizationType) -> gguf.GGMLQuantizationType:
    if weight.dim() < 2 or name.endswith("_norm.weight"):
        return QUANTS.F32
    return QUANTS.F16 if wanted == QUANTS.Q8_0 and weight.shape[-1] % _BLOCK else wanted


def _permuted(name: str, weight: Any, config: Mapping[str, Any], architecture: Architecture) -> Any:
    part = name.rpartition(".")[0].rpartition(".")[2]
    if not architecture.permutes or part not in ("attn_q", "attn_k"):
        return weight
    heads = int(config["num_attention_heads"])
    if part == "attn_k":
        heads = int(config.get("num_key_value_heads") or heads)
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def _packed(name: str, values: np.ndarray[Any, Any], kind: gguf.GGMLQuantizationType) -> np.ndarray[Any, Any]:
    if kind == QUANTS.F32:
        return values
    if kind == QUANTS.F16 and np.abs(values).max(initial=0.0) > np.finfo(np.float16).max:
        raise EngineError(
            "Model", f"A weight of {name} is too large for 16 bits (F16).", "Export it as BF16 or Q8_0 instead."
        )
    return np.asarray(gguf.quants.quantize(values, kind))
