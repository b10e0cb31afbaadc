"""The tokens that all prompts begin with, read once instead of once a row: a system prompt, examples, instructions.

Keys and values of a causal model depend on what stands before them alone, so those of a shared beginning are the same
for every row. Only for models whose cache is plain keys and values: windows and recurrent states are left alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch

from engine.evaluation.packing import common

LEAST_TOKENS = 16
"""A beginning shorter than this is not worth a call of its own."""
_AT_ONCE = 1024


class Prefix:
    """``ids``: the tokens; ``cache_for(rows)`` gives their keys and values for a batch."""

    def __init__(self, ids: Sequence[int], cache: Any) -> None:
        self.ids = list(ids)
        self._cache = cache

    def cache_for(self, rows: int) -> Any:
        """A cache that may be written to; the one kept stays as it is."""
        made = copy.deepcopy(self._cache)
        made.batch_repeat_interleave(rows)
        return made


def shared_prefix(
    model: Any, forward: Callable[..., Any], prompts: Sequence[Sequence[int]], on_step: Callable[[], None] | None
) -> Prefix | None:
    """The beginning that all prompts share, already read; None where there is none worth it or the model's cache is no
    plain one. Call it without gradients. The last token of a prompt is never part of it."""
    length = shared_length(prompts)
    if len(prompts) < 2 or length < LEAST_TOKENS:
        return None
    ids = torch.tensor([list(prompts[0][:length])], device=next(model.parameters()).device)
    cache = None
    for first in range(0, length, _AT_ONCE):
        if on_step is not None:
            on_step()
        output = forward(input_ids=ids[:, first : first + _AT_ONCE], past_key_values=cache, use_cache=True,
                         logits_to_keep=1)  # fmt: skip
        cache = output.past_key_values
        if not _is_plain(cache):
            return None
    return Prefix(prompts[0][:length], cache)


def shared_length(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with, at most one less than the shortest has."""
    return max(0, min(common(prompts), min(map(len, prompts)) - 1)) if prompts else 0


def _is_plain(cache: Any) -> bool:
    from transformers.cache_utils import DynamicLayer

    layers: Any = getattr(cache, "layers", None)
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers or ())
