"""A model behind an OpenAI-compatible API: the row as it stands, asked over the network."""

from __future__ import annotations

from dataclasses import dataclass

from engine.evaluation.systems.plain import as_it_stands as prepare
from engine.training.options import check, option


@dataclass(frozen=True)
class Options:
    at_once: int = option(
        4,
        label="Requests at once",
        why="More is faster until the server asks for a pause; the endpoint's limit a minute holds as well.",
        group="endpoint",
        minimum=1,
        maximum=32,
    )
    max_tokens: int | None = option(
        None,
        label="Most tokens of an answer",
        why="Empty: by the longest reference. A model that thinks before it answers needs more.",
        group="endpoint",
        unit="tokens",
        minimum=1,
        maximum=32768,
    )

    def __post_init__(self) -> None:
        check(self, "endpoint")


__all__ = ["Options", "prepare"]
