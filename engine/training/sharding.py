"""One model in pieces: of every weight, gradient and optimizer state each process of a run holds its share.

By ``fully_shard`` (torch.distributed.fsdp, "FSDP2"; Zhao et al., arXiv 2304.11277) on each decoder block and on the
rest: a block is put together where it computes, and taken apart again. The same over gloo on processors and nccl on
cards (unmeasured here). Products are computed in the run's autocast and weights travel as they are held, so that losses
are those of one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map_only

from engine.decision.shapes import block_of
from engine.training import ranks

_Places = list[tuple[nn.Module, str]]


class Shards:
    """The model of a run, taken apart for good; ``whole`` has it in one piece in the first process for a while."""

    def __init__(self, model: nn.Module, device: str) -> None:
        """Every process calls it, with the same weights."""
        self._model = model
        self._hooks: list[tuple[dict[int, Callable[..., Any]], set[int]]] = []
        mesh = init_device_mesh(device, (ranks.world(),))
        for part in [*_blocks(model), model]:
            hooks: Any = (part._forward_pre_hooks, part._forward_hooks)
            known = [set(each) for each in hooks]
            fully_shard(part, mesh=mesh)
            self._hooks += [(each, set(each) - before) for each, before in zip(hooks, known, strict=True)]
        for module in model.modules():
            # A mark for torch.compile, which is not used here; transformers reads it as "all processes generate".
            module.__dict__.pop("_is_fsdp_managed_module", None)

    def count(self) -> tuple[int, int]:
        """(weights that this process holds, weights there are)."""
        shards = [shard for shard, _ in self._parameters()]
        return sum(own(shard).numel() for shard in shards), sum(shard.numel() for shard in shards)

    @contextmanager
    def whole(self, device: str | None = None) -> Iterator[None]:
        """Every process calls it. Inside, the first one's model has plain whole weights (copies on ``device``, theirs
        if None) and computes by itself; the others only lend their shares, a weight at a time.

        What is done to the weights inside is thrown away.
        """
        held: list[tuple[nn.Parameter, nn.Parameter, _Places]] = []
        for shard, places in self._parameters():
            full = shard.detach().full_tensor()
            if ranks.rank() == 0:
                held.append((shard, nn.Parameter(full.to(device or full.device), shard.requires_grad), places))
            del full
        if not held:
            yield
            return
        with self._unhooked():
            try:
                for _, full, places in held:
                    _put(full, places)
                yield
            finally:
                for shard, _, places in held:
                    _put(shard, places)

    def _parameters(self) -> list[tuple[Any, _Places]]:
        """Each shard once, with every place it stands at (tied weights have several), alike in all processes."""
        found: dict[int, tuple[Any, _Places]] = {}
        for module in self._model.modules():
            for name, parameter in module._parameters.items():
                if isinstance(parameter, DTensor):
                    found.setdefault(id(parameter), (parameter, []))[1].append((module, name))
        return list(found.values())

    @contextmanager
    def _unhooked(self) -> Iterator[None]:
        """Without what puts blocks together before they compute: the other processes would have to take part."""
        kept = [(hooks, dict(hooks)) for hooks, _ in self._hooks]
        try:
            for hooks, added in self._hooks:
                for key in added:
                    del hooks[key]
            yield
        finally:
            for hooks, before in kept:  # the order matters, and handles know these very dictionaries
                hooks.clear()
                hooks.update(before)


def own(tensor: torch.Tensor) -> torch.Tensor:
    """This process's share; of a plain tensor, all of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def shared_like(parameter: Any, whole: torch.Tensor) -> torch.Tensor:
    """``whole``, which every process has alike, parted as a parameter is."""
    if not isinstance(parameter, DTensor):
        return whole
    return distribute_tensor(whole, parameter.device_mesh, parameter.placements, src_data_rank=None).clone()


def state_name(process: int) -> str:
    """File of a process's share of the optimizer's state, in a checkpoint."""
    return f"optimizer_{process}.pt" if process else "optimizer.pt"


def write_state(optimizer: Any, folder: Path) -> None:
    """Each process writes its own share, as plain tensors."""
    torch.save(tree_map_only(DTensor, own, optimizer.state_dict()), folder / state_name(ranks.rank()))


def read_state(optimizer: Any, folder: Path) -> None:
    """Puts a share back, in a run of as many processes as it was written by."""
    document = torch.load(folder / state_name(ranks.rank()), map_location="cpu", weights_only=True)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for place, values in document["state"].items():
        like = parameters[place]
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.dim():  # a count of steps has no dimension, and no share
                values[name] = DTensor.from_local(
                    value.to(like.device),
                    like.device_mesh,
                    like.placements,
                    run_check=False,
                    shape=like.shape,
                    stride=like.stride(),
                )
    optimizer.load_state_dict(document)


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The decoder blocks, in order: modules at whose name a block begins."""
    return [
        module
        for name, module in model.named_modules()
        if block_of(name) >= 0 and block_of(name.rpartition(".")[0]) < 0
    ]


def _put(parameter: nn.Parameter, places: _Places) -> None:
    for module, name in places:
        setattr(module, name, parameter)
