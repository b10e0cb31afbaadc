"""Measuring a model without changing it: exact fp32 weights, evaluation mode, no autocast, all put back
afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.decision.resources import WIDENED_SHARE


@contextmanager
def measuring(model: nn.Module, *, fold: bool = False) -> Iterator[str]:
    """Hold `model` ready to be measured; yields the precision of its weights, "float32" or the one it was
    loaded in.

    A bf16 forward reads losses up to a tenth too high, so 16-bit weights are widened for the time of the
    measurement. Parameters keep their identity (an optimizer may hold them) and get their own storage back,
    so nothing is rounded. With ``fold`` a plain LoRA is folded into weights that were widened, so that generating takes
    fewer products; the copies are thrown away afterwards, and nothing has to be taken out again. Each module's training
    flag is put back as it was found, also when the body raises.
    """
    copied = {id(tensor) for tensor in _narrow_tensors(model)} if fold else set()
    modes = [(module, module.training) for module in model.modules()]
    with ExitStack() as stack:
        stack.callback(_restore_modes, modes)
        model.eval()
        precision = stack.enter_context(_widened(model))
        # Not inference_mode: what a module caches now must serve the backward pass of the next step too.
        stack.enter_context(torch.no_grad())
        device = next(model.parameters()).device.type
        if copied and precision == "float32":
            stack.enter_context(_folded(model, copied))
        # A trainer may have left autocast on around us; it would undo the widening.
        stack.enter_context(torch.autocast(device, enabled=False))
        yield precision


@contextmanager
def _folded(model: nn.Module, copied: set[int]) -> Iterator[None]:
    """``copied``: ids of the parameters whose storage is a copy for the time being."""
    layers = _plain_lora(model)
    if not all(id(layer.get_base_layer().weight) in copied for layer in layers):
        layers = []
    try:
        for layer in layers:
            layer.merge()
        yield
    finally:
        for layer in layers:
            layer.merged_adapters.clear()


def _plain_lora(model: nn.Module) -> list[Any]:
    """The adapted layers, when all of them are linear ones with a LoRA and nothing besides."""
    if not hasattr(model, "peft_config"):
        return []
    from peft.tuners.lora import Linear
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    plain = all(
        isinstance(layer, Linear)
        and not layer.merged_adapters
        and not layer.lora_variant  # DoRA and the like
        and not any(layer.lora_bias.values())
        for layer in layers
    )
    return layers if plain else []


def _restore_modes(modes: list[tuple[nn.Module, bool]]) -> None:
    for module, training in modes:
        module.training = training


@contextmanager
def _widened(model: nn.Module) -> Iterator[str]:
    narrow = _narrow_tensors(model)
    if not narrow:
        yield "float32"
        return
    if not _fits(narrow):
        yield str(narrow[0].dtype).removeprefix("torch.")
        return
    originals = [(tensor, tensor.data) for tensor in narrow]
    try:
        for tensor in narrow:
            tensor.data = tensor.data.float()
        yield "float32"
    finally:
        for tensor, data in originals:
            tensor.data = data


def _narrow_tensors(model: nn.Module) -> list[Any]:
    """Parameters and buffers in 16 bits, each once (tied weights are one parameter)."""
    seen: dict[int, Tensor] = {}
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.dtype in (torch.bfloat16, torch.float16):
            seen[id(tensor)] = tensor
    return list(seen.values())


def _fits(tensors: list[Any]) -> bool:
    """Whether an fp32 copy fits beside the model: asked of the device's total, so that a baseline and a later
    measurement of the same model always answer alike."""
    need = sum(tensor.numel() * 4 for tensor in tensors)
    device = tensors[0].device
    if device.type != "cuda":
        return True
    total = torch.cuda.get_device_properties(device).total_memory
    return bool(need <= WIDENED_SHARE * total)
