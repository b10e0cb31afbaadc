"""Sentence embeddings from a local folder of a sentence-transformers model: mean pooling, unit length (Reimers and
Gurevych 2019). transformers alone: that library would only add what is one sum here.

Only models that pool by the mean are taken; another pooling would give numbers that mean nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.evaluation.ranking.finding import MARK

BATCH = 32
MOST_TOKENS = 512


class Embedder:
    """Reads the model once. Raises EngineError("Model") for a folder that is none or pools otherwise."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        _check_pooling(folder)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._model: Any = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
            ).eval()
        except (OSError, ValueError, KeyError, ImportError) as problem:
            raise EngineError(
                "Model",
                f"The embedding model in {folder} could not be loaded: {problem}",
                "Check that the folder is complete: config.json, model.safetensors and the tokenizer's files.",
            ) from problem
        room = getattr(self._model.config, "max_position_embeddings", None) or MOST_TOKENS
        self._room = min(MOST_TOKENS, int(room))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """texts × dimensions, each of unit length; a text longer than the model's room counts by its beginning."""
        import torch

        found: list[Any] = [None] * len(texts)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]), reverse=True)
        for first in range(0, len(order), BATCH):
            places = order[first : first + BATCH]
            batch = self._tokenizer(
                [texts[at] for at in places],
                padding=True,
                truncation=True,
                max_length=self._room,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = self._model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None].to(hidden.dtype)
            means = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
            for at, vector in zip(places, torch.nn.functional.normalize(means, dim=1).numpy(), strict=True):
                found[at] = vector
        return np.stack(found).astype(np.float32)


def _check_pooling(folder: Path) -> None:
    path = folder / "1_Pooling" / "config.json"
    if not (folder / MARK).is_file():
        raise EngineError(
            "Model",
            f"{folder} holds no {MARK}: it is no sentence-transformers model.",
            "Put the folder of an embedding model under the workbench's models.",
        )
    try:
        pooling = json.loads(path.read_text()) if path.is_file() else {"pooling_mode_mean_tokens": True}
    except ValueError:
        pooling = {}
    if not pooling.get("pooling_mode_mean_tokens"):
        raise EngineError(
            "Model", f"{folder} does not pool by the mean.", "Use an embedding model that does, all-MiniLM for example."
        )
