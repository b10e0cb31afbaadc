"""What trains where: a model as a stack of layers, each with its weights and how many of them train. No torch.

Trainable parameters are counted as peft's ``print_trainable_parameters`` counts them, and add up to its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.decision.shapes import ModelShape


@dataclass(frozen=True, slots=True)
class Layer:
    """``parameters``: the model's own. ``trained``: how many of them train. ``added``: an adapter's beside them."""

    name: str
    """ "embeddings", "blocks", "norm" or "head"."""
    parameters: int
    trained: int = 0
    added: int = 0
    first: int = 0
    """Of blocks: number of the first and the last, from 1."""
    last: int = 0
    tied: bool = False
    """Of embeddings: whether the output head is the same matrix."""

    @property
    def state(self) -> str:
        """ "trained" (all), "partly" (some), "adapter" (frozen, with trained weights beside) or "frozen"."""
        if self.trained:
            return "trained" if self.trained == self.parameters else "partly"
        return "adapter" if self.added else "frozen"

    @property
    def trainable(self) -> int:
        return self.trained + self.added

    @property
    def blocks(self) -> int:
        return self.last - self.first + 1 if self.last else 0


def layer_stack(shape: ModelShape, adapter: str, options: Any) -> tuple[Layer, ...]:
    """The layers from the input to the output; neighbouring blocks that are alike stand together.

    Raises SpecError when the adapter does not fit the model's layers.
    """
    module = ADAPTERS[adapter].module()
    inside: tuple[int, ...] = module.per_block(shape, options)
    outside = int(module.count_trainable(shape, options)) - sum(inside)
    own = _owned(shape, adapter, inside)
    found = [_block(at, shape.blocks[at], inside[at], own[at]) for at in range(len(shape.blocks))]
    embeddings, norm, head = _outside(shape)
    below, above = Layer("embeddings", embeddings, tied=not head), [Layer("norm", norm)]
    if head:
        above.append(Layer("head", head))
    if outside == embeddings + norm + head:  # everything trains
        below, *above = (_trained(layer, layer.parameters) for layer in (below, *above))
    elif outside and ADAPTERS[adapter].trains_base:  # norms or biases: what is left belongs to the last norm
        above[0] = _trained(above[0], outside)
    elif outside:  # in front of the first block
        below = Layer("embeddings", embeddings, added=outside, tied=not head)
    return (below, *_together(found), *above)


def _owned(shape: ModelShape, adapter: str, inside: tuple[int, ...]) -> tuple[bool, ...]:
    """For each block whether what trains are the model's own weights."""
    whole = ADAPTERS[adapter].trains_base
    return tuple(whole or (0 < count == size) for count, size in zip(inside, shape.blocks, strict=True))


def _block(at: int, parameters: int, count: int, own: bool) -> Layer:
    trained, added = (count, 0) if own else (0, count)
    return Layer("blocks", parameters, trained, added, first=at + 1, last=at + 1)


def _trained(layer: Layer, count: int) -> Layer:
    return Layer(layer.name, layer.parameters, trained=count, tied=layer.tied)


def _together(blocks: list[Layer]) -> list[Layer]:
    """Runs of blocks in the same state and of the same counts, each as one layer."""
    found = []
    for _, group in groupby(blocks, key=lambda block: (block.state, block.trainable)):
        same = list(group)
        parameters, trained, added = (
            sum(getattr(block, name) for block in same) for name in ("parameters", "trained", "added")
        )
        found.append(Layer("blocks", parameters, trained, added, first=same[0].first, last=same[-1].last))
    return found


def _outside(shape: ModelShape) -> tuple[int, int, int]:
    """Parameters of embeddings, last norm and output head; the head is 0 where it is the embeddings' matrix."""
    rest = shape.parameters - sum(shape.blocks)
    norm = shape.norms + shape.biases - sum(shape.block_norms) - sum(shape.block_biases)
    matrix = shape.vocabulary * shape.hidden
    head = matrix if rest - norm >= 2 * matrix else 0
    return rest - norm - head, norm, head
