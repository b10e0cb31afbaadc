"""Bottleneck adapters: a small trained network after each block's feed-forward (Houlsby et al., arXiv 1902.00751; the
place is Pfeiffer's, arXiv 2005.00052). Ours, because no maintained library offers it for current transformers.

Stored as other adapters are: adapter_model.safetensors and adapter_config.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.decision.shapes import ModelShape, block_of
from engine.errors import EngineError
from engine.training.options import SpecError, check, option

KIND = "WORKBENCH_BOTTLENECK"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_NAME = "bottleneck"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    bottleneck_size: int = option(
        64,
        label="Bottleneck size",
        why="The width of the small network: more can learn more, and costs memory and forgets more.",
        group="Bottleneck adapters",
        level="simple",
        unit="units",
        minimum=1,
        maximum=4096,
    )

    def __post_init__(self) -> None:
        check(self, "adapter_options")


def count_trainable(shape: ModelShape, options: Options) -> int:
    """Two matrices and two biases a block."""
    return sum(per_block(shape, options))


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """The same by block."""
    return (2 * options.bottleneck_size * shape.hidden + options.bottleneck_size + shape.hidden,) * shape.layers


def attach(model: Any, options: Options) -> Any:
    """Returns the model with one network a block in fp32, which change nothing at first; base weights are frozen."""
    model.requires_grad_(False)
    for module in _feed_forwards(model):
        _put_in(module, model.config.hidden_size, options.bottleneck_size)
    # The library saves whatever this writes; whole frozen weights would be a hundred times the size.
    model.save_pretrained = partial(_save, model, options.bottleneck_size)
    return model


def is_on(model: Any) -> bool:
    """Whether such networks are in the model."""
    return any(name.endswith(f".{_NAME}") for name, _ in model.named_modules())


def is_in(folder: Path) -> bool:
    """Whether a checkpoint holds such networks."""
    try:
        return bool(json.loads((folder / CONFIG).read_text()).get("peft_type") == KIND)
    except (OSError, ValueError):
        return False


def load(model: Any, folder: Path) -> Any:
    """The model with a checkpoint's networks put in. Raises EngineError("Model") when they do not fit it."""
    try:
        size = int(json.loads((folder / CONFIG).read_text())["bottleneck_size"])
        attach(model, Options(bottleneck_size=size))
        load_weights(model, folder)
    except (OSError, ValueError, KeyError, SpecError) as error:
        remove(model)
        raise EngineError(
            "Model",
            f"The adapter in {folder.name} does not fit this model: {error}",
            "Use it on the model it was trained from.",
        ) from error
    return model


def load_weights(model: Any, folder: Path) -> None:
    """Overwrites the networks' weights. Raises ValueError when names or sizes differ."""
    from safetensors.torch import load_file

    stored = load_file(folder / WEIGHTS)
    own = {name: parameter for name, parameter in model.named_parameters() if f".{_NAME}." in name}
    if own.keys() != stored.keys() or any(own[name].shape != stored[name].shape for name in own):
        raise ValueError("its layers have other names or sizes")
    for name, parameter in own.items():
        parameter.data.copy_(stored[name])


def remove(model: Any) -> Any:
    """The model as it was before ``attach``."""
    for module in _feed_forwards(model):
        if hasattr(module, _NAME):
            delattr(module, _NAME)
            module._bottleneck_hook.remove()
    model.__dict__.pop("save_pretrained", None)
    return model


def _feed_forwards(model: Any) -> list[Any]:
    """Each block's feed-forward module. Raises SpecError when the architecture names it otherwise."""
    found = [module for name, module in model.named_modules() if block_of(name) >= 0 and name.endswith(".mlp")]
    if not found:
        raise SpecError("adapter", "this architecture has no feed-forward layers named mlp", "Choose LoRA.")
    return found


def _put_in(module: Any, hidden: int, size: int) -> None:
    import torch
    from torch import nn

    device = next(module.parameters()).device
    network = nn.Sequential(nn.Linear(hidden, size), nn.GELU(), nn.Linear(size, hidden)).to(device, torch.float32)
    nn.init.zeros_(network[2].weight)
    nn.init.zeros_(network[2].bias)
    setattr(module, _NAME, network)
    module._bottleneck_hook = module.register_forward_hook(_add)


def _add(module: Any, _: Any, output: Any) -> Any:
    """What the feed-forward says, and what the network makes of it."""
    network = getattr(module, _NAME)
    return output + network(output.to(network[0].weight.dtype)).to(output.dtype)


def _save(model: Any, size: int, folder: str | Path, **_: Any) -> None:
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: each.detach().contiguous() for name, each in model.named_parameters() if f".{_NAME}." in name}
    save_file(weights, folder / WEIGHTS)
    document = {"peft_type": KIND, "bottleneck_size": size, "base_model_name_or_path": model.name_or_path}
    (folder / CONFIG).write_text(json.dumps(document, indent=1))
