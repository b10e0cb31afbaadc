"""The stack of layers in words and bars, as the preview draws it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decision.layers import Layer

MOST_BARS = 8
STATE_WORDS = {
    "trained": "trained",
    "partly": "some weights trained",
    "adapter": "adapter, weights frozen",
    "frozen": "frozen",
}


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """``bars`` has one entry a bar: one a block, at most ``MOST_BARS``."""

    title: str
    words: str
    state: str
    parameters: int
    trainable: int
    bars: range


def drawn(stack: tuple[Layer, ...]) -> list[DrawnLayer]:
    """From the output to the input."""
    return [
        DrawnLayer(
            _title(layer),
            STATE_WORDS[layer.state],
            layer.state,
            layer.parameters,
            layer.trainable,
            range(max(1, min(MOST_BARS, layer.blocks))),
        )
        for layer in reversed(stack)
    ]


def _title(layer: Layer) -> str:
    if layer.blocks:
        return f"Blocks {layer.first} to {layer.last}" if layer.blocks > 1 else f"Block {layer.first}"
    if layer.name == "embeddings":
        return "Embeddings and output head" if layer.tied else "Embeddings"
    return {"norm": "Last norm", "head": "Output head"}[layer.name]
