"""The weights of systems under test: one base model in memory, adapters put on and taken off it, or a whole other one.

Only safetensors are read and no code of a model folder is run.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.adapters import bottleneck
from engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class System:
    """One column of a comparison. `model` None means the evaluation's own model; `adapter` goes on top of it."""

    key: str
    name: str
    adapter: Path | None = None
    model: Path | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A system that can be asked now."""

    system: System
    model: Any
    tokenizer: Any
    merged: bool
    """Whether its adapter is folded into the weights for the time being (same answers, less work)."""


class Stable:
    """Holds one whole model at a time and lends it out as each system in turn."""

    def __init__(self, model: Path | None) -> None:
        self._default = model
        self._path: Path | None = None
        self._model: Any = None
        self._tokenizer: Any = None

    @contextmanager
    def lend(self, system: System, *, merge: bool = True) -> Iterator[Ready]:
        """The system's model, in evaluation mode; the base weights are bit for bit the same again afterwards.

        Raises EngineError("Model") for a folder that cannot be loaded or an adapter that does not fit.
        """
        self._hold(self.home(system.model))
        if system.adapter is None:
            yield Ready(system, self._model, self._tokenizer, False)
            return
        tuned = attach(self._model, system.adapter)
        try:
            with _merged(tuned, merge) as merged:
                yield Ready(system, tuned, self._tokenizer, merged)
        finally:
            self._model = _detach(tuned)

    def home(self, model: Path | None) -> Path:
        """The folder of a system's whole model. Raises EngineError("Config") where neither it nor the evaluation has
        one."""
        found = model or self._default
        if found is None:
            raise EngineError("Config", "No model was named for this system.", "Choose the model it runs on.")
        return found

    def close(self) -> None:
        """Let go of the model's memory."""
        self._model = self._tokenizer = self._path = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _hold(self, path: Path) -> None:
        if self._path == path:
            return
        self.close()
        self._model, self._tokenizer = load_model(path)
        self._path = path


def load_model(path: Path, *, device: str = "", dtype: torch.dtype | None = None) -> tuple[Any, Any]:
    """Load a causal model and its tokenizer from a local folder, for measuring: fp32 on the CPU, bf16 on a GPU, unless
    asked for otherwise.

    Raises EngineError("Model") with what is missing.
    """
    from transformers import AutoModelForCausalLM

    _check_folder(path)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or (torch.bfloat16 if device == "cuda" else torch.float32)
    try:
        tokenizer = _tokenizer(path)
        model = AutoModelForCausalLM.from_pretrained(
            path, dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except _NOT_LOADED as problem:
        raise _not_loaded(path, problem) from problem
    return model.to(device).eval(), tokenizer


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a model's folder alone. Raises EngineError("Model") with what is missing."""
    _check_folder(path)
    try:
        return _tokenizer(path)
    except _NOT_LOADED as problem:
        raise _not_loaded(path, problem) from problem


_NOT_LOADED = (OSError, ValueError, KeyError, ImportError)


def _tokenizer(path: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)


def _check_folder(path: Path) -> None:
    if not (path / "config.json").is_file():
        raise EngineError("Model", f"{path} holds no config.json.", "Choose the folder of a whole model.")


def _not_loaded(path: Path, problem: Exception) -> EngineError:
    return EngineError(
        "Model",
        f"The model in {path} could not be loaded: {problem}",
        "Check that the folder is complete: config.json, *.safetensors and the tokenizer's files.",
    )


def attach(model: Any, folder: Path) -> Any:
    """The model with a checkpoint's adapter on it, for measuring. Raises EngineError("Model") if it does not fit."""
    from peft import PeftModel

    if bottleneck.is_in(folder):
        return bottleneck.load(model, folder).eval()
    if not (folder / "adapter_model.safetensors").is_file():
        raise EngineError(
            "Model", f"{folder} holds no adapter_model.safetensors.", "Choose a checkpoint that was saved whole."
        )
    try:
        tuned = PeftModel.from_pretrained(model, folder, is_trainable=False, autocast_adapter_dtype=False)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as problem:
        _strip(model)
        raise EngineError(
            "Model",
            f"The adapter in {folder} does not fit this model: {problem}",
            "Evaluate it on the model it was trained from.",
        ) from problem
    # An adapter kept in 16 bits beside fp32 weights would have the forward mix precisions.
    return tuned.to(next(model.parameters()).dtype).eval()


def _detach(tuned: Any) -> Any:
    if bottleneck.is_on(tuned):
        return bottleneck.remove(tuned).eval()
    if getattr(tuned.active_peft_config, "is_prompt_learning", False):
        base = tuned.get_base_model()
    else:
        _put_back_whole_modules(tuned)
        base = tuned.unload()
    _strip(base)
    return base.eval()


def _put_back_whole_modules(tuned: Any) -> None:
    """Modules an adapter holds a trained copy of: unloading alone would leave the copy in the base model."""
    from peft.utils import ModulesToSaveWrapper

    wrapped = [(name, module) for name, module in tuned.named_modules() if isinstance(module, ModulesToSaveWrapper)]
    for name, module in wrapped:
        tuned.set_submodule(name, module.original_module)


def _strip(model: Any) -> None:
    """Forget that an adapter was ever there; the library warns at the next one otherwise."""
    if hasattr(model, "peft_config"):
        del model.peft_config


@contextmanager
def _merged(tuned: Any, wanted: bool) -> Iterator[bool]:
    """Fold the adapter into the weights while inside, when that is exact; yields whether it was done.

    The weights themselves are kept and put back, for adding and then subtracting an update rounds.
    """
    layers = _mergeable(tuned) if wanted else []
    if not layers:
        yield False
        return
    ids = torch.arange(5, 13, device=next(tuned.parameters()).device)[None]
    saved = [(layer.get_base_layer().weight, layer.get_base_layer().weight.data.clone()) for layer in layers]
    with torch.no_grad():
        before = tuned(input_ids=ids, use_cache=False).logits
        tuned.merge_adapter()
        after = tuned(input_ids=ids, use_cache=False).logits
    exact = bool((before - after).abs().max() <= 1e-4 * before.abs().max())
    try:
        if not exact:
            _unmerge(layers, saved)
        yield exact
    finally:
        if exact:
            _unmerge(layers, saved)


def _unmerge(layers: list[Any], saved: list[tuple[Any, Any]]) -> None:
    for weight, data in saved:
        weight.data.copy_(data)
    for layer in layers:
        layer.merged_adapters.clear()


def _mergeable(tuned: Any) -> list[Any]:
    """The adapted layers, when all of them are plain fp32 LoRA; in 16 bits a merge would round the update away."""
    from peft.tuners.lora import LoraLayer
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in tuned.modules() if isinstance(module, BaseTunerLayer)]
    plain = all(
        isinstance(layer, LoraLayer)
        and getattr(layer.get_base_layer(), "weight", None) is not None
        and layer.get_base_layer().weight.dtype == torch.float32
        and not any(getattr(layer, "lora_bias", {}).values())
        for layer in layers
    )
    return layers if plain else []
