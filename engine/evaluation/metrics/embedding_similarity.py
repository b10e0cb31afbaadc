"""Embedding similarity: cosine of the mean of the last hidden states over the tokens, negative ones taken as 0.

By any model of the workbench; one trained for sentence embeddings (Reimers and Gurevych 2019) is what it is meant
for, and a chat model's states tell texts apart only roughly. Says nothing while no model is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.evaluation.metrics.kinds import Outcome
from engine.training.options import check, option

_MOST_TOKENS = 512
_READ = 20_000


@dataclass(frozen=True, slots=True)
class Options:
    model: str = option("", label="Embedding model", why="The folder of a whole model.", group="Metric")

    def __post_init__(self) -> None:
        check(self, "metric_options.embedding_similarity")
        if self.model and not (Path(self.model) / "config.json").is_file():
            raise EngineError("Model", f"{self.model} holds no config.json.", "Choose the folder of a whole model.")


DEFAULT = Options()


def score(outcome: Outcome, options: Options = DEFAULT) -> float | None:
    if not options.model:
        return None
    found = sum(
        a * b
        for a, b in zip(
            _embedded(options.model, outcome.text[:_READ]),
            _embedded(options.model, outcome.reference[:_READ]),
            strict=True,
        )
    )
    return min(1.0, max(0.0, found))


@lru_cache(maxsize=4096)
def _embedded(model: str, text: str) -> tuple[float, ...]:
    """The text's direction, of length 1; of length 0 for a text without tokens."""
    import torch

    network, tokenizer = _loaded(model)
    ids = tokenizer(text, truncation=True, max_length=_MOST_TOKENS, return_tensors="pt")
    if ids["input_ids"].shape[1] == 0:
        return (0.0,) * int(network.config.hidden_size)
    inputs = {name: ids[name].to(network.device) for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        states = network(**inputs).last_hidden_state[0].float().mean(0)
    return tuple((states / states.norm().clamp(min=1e-12)).tolist())


@lru_cache(maxsize=1)
def _loaded(model: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, trust_remote_code=False)
        network = AutoModel.from_pretrained(model, local_files_only=True, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as problem:
        raise EngineError(
            "Model",
            f"The embedding model in {model} could not be loaded: {problem}",
            "Choose the folder of a whole model.",
        ) from problem
    return network.eval(), tokenizer
