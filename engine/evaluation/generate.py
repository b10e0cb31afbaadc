"""Greedy generation in batches: sorted by length, padded on the left, one KV cache, finished rows leave the batch; what
all prompts begin with is read once.

Greedy means the most probable token each time and nothing else: a model's own sampling or penalty settings are not
applied, so that two systems differ by their weights alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.evaluation.likelihood import own_forward
from engine.evaluation.prefix import Prefix, shared_prefix

_KEEP_SHARE = 0.75
"""The batch is thinned when at most this share of its rows still runs (thinning copies the cache)."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The answer to one prompt."""

    index: int
    """Position in the prompts given."""
    text: str
    tokens_in: int
    tokens_out: int
    """Tokens of the answer, the end token not counted."""
    ended: bool
    """False when the answer was cut at max_new_tokens."""
    seconds: float
    """From the start of its batch until this row was done."""
    batch: int
    """Rows it shared that batch with, itself included; 1 means `seconds` is the latency of a request alone."""
    first_s: float | None = None
    """From the start of its batch until its first token was there; None where that was not seen."""


def encode_prompt(tokenizer: Any, messages: Sequence[dict[str, Any]], tools: Any = None) -> list[int]:
    """Token ids of a conversation in the model's own chat template, ready for the assistant's turn.

    Raises EngineError("Model") when the model has no template, ("Data") when its template refuses the messages.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise EngineError(
            "Model",
            "The model's tokenizer has no chat template, so it cannot be asked in the form it was trained on.",
            "Use an instruction-tuned model, or add a chat_template to its tokenizer_config.json.",
        )
    try:
        text = tokenizer.apply_chat_template(
            list(messages), tools=tools or None, tokenize=False, add_generation_prompt=True
        )
    except Exception as problem:  # a template is a program of the model's: anything may come out of it
        raise EngineError(
            "Data",
            f"The model's chat template refuses a prompt with the roles {[m.get('role') for m in messages]}: {problem}",
            "Check the order of roles in these rows, or use a model whose template allows it.",
        ) from problem
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Every token that ends an answer: the tokenizer's and the generation settings'."""
    found: set[int] = set()
    for value in (tokenizer.eos_token_id, getattr(model.generation_config, "eos_token_id", None)):
        if isinstance(value, int):
            found.add(value)
        elif value:
            found.update(value)
    return found


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int = 256,
    batch_size: int = 8,
    on_step: Callable[[], None] | None = None,
) -> Iterator[list[Generated]]:
    """Yield each batch's answers as it is done, longest prompts first (so a lack of memory shows at once).

    `prompts` are token ids; one longer than the context allows loses its left end. `on_step` is called before each
    token; what it raises (a stop) ends the generation, and batches already yielded stay whole.
    """
    ends = end_tokens(model, tokenizer)
    room = int(getattr(model.config, "max_position_embeddings", None) or 1 << 30) - max_new_tokens
    cut = [list(prompt)[-max(1, room) :] for prompt in prompts]
    order = sorted(range(len(cut)), key=lambda i: len(cut[i]), reverse=True)
    library = _needs_library(model)
    run = _by_library if library else _by_steps
    # Prompt tuning puts its vectors before the padding and ignores positions: only prompts of one length share a batch.
    lengths = [len(cut[i]) if library else 0 for i in order]
    prefix = None
    if not library:
        with torch.no_grad():
            prefix = shared_prefix(model, own_forward(model), cut, on_step)
    for chosen in _batches(order, lengths, batch_size):
        # Not inference_mode: a model that is being trained keeps what it caches here for its next backward pass.
        with torch.no_grad():
            rows = run(model, [cut[i] for i in chosen], ends, max_new_tokens, tokenizer, on_step, prefix)
        texts = tokenizer.batch_decode([row.tokens for row in rows], skip_special_tokens=True)
        yield [
            Generated(i, text, len(cut[i]), len(row.tokens), row.ended, row.seconds, len(chosen), row.first_s)
            for i, text, row in zip(chosen, texts, rows, strict=True)
        ]


def _batches(order: list[int], lengths: list[int], batch_size: int) -> Iterator[list[int]]:
    """Runs of `order` that share a length, cut to `batch_size`."""
    for _, group in groupby(zip(order, lengths, strict=True), key=lambda pair: pair[1]):
        indices = [index for index, _ in group]
        for first in range(0, len(indices), batch_size):
            yield indices[first : first + batch_size]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a batch; seconds count from the start of the batch."""

    tokens: list[int]
    ended: bool
    seconds: float
    first_s: float | None


def _by_steps(
    model: Any,
    prompts: list[list[int]],
    ends: set[int],
    max_new_tokens: int,
    tokenizer: Any,
    on_step: Callable[[], None] | None,
    prefix: Prefix | None = None,
) -> list[_Row]:
    started = time.perf_counter()
    device = next(model.parameters()).device
    read = len(prefix.ids) if prefix else 0
    ids, mask = _left_padded([prompt[read:] for prompt in prompts], _pad(tokenizer), device)
    # What was read before stands before the padding: positions, not places, say where a token is.
    positions = (mask.cumsum(1) - 1).clamp(min=0) + read
    mask = torch.cat([mask.new_ones(len(prompts), read), mask], 1)
    end_ids = torch.tensor(sorted(ends), device=device)
    alive = list(range(len(prompts)))
    tokens: list[list[int]] = [[] for _ in prompts]
    done: dict[int, tuple[bool, float]] = {}
    first_s = None
    cache = prefix.cache_for(len(prompts)) if prefix else None
    forward = own_forward(model)
    for _ in range(max_new_tokens):
        if on_step is not None:
            on_step()
        output = forward(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = output.past_key_values
        chosen = output.logits[:, -1].argmax(-1)
        ended = torch.isin(chosen, end_ids).tolist()
        now = time.perf_counter() - started
        first_s = now if first_s is None else first_s
        for place, (row, token) in enumerate(zip(alive, chosen.tolist(), strict=True)):
            if row in done:
                continue
            if ended[place]:
                done[row] = (True, now)
            else:
                tokens[row].append(token)
        if len(done) == len(prompts):
            break
        running = [place for place, row in enumerate(alive) if row not in done]
        if len(running) <= _KEEP_SHARE * len(alive):
            keep = torch.tensor(running, device=device)
            cache.batch_select_indices(keep)
            chosen, mask, positions = chosen[keep], mask[keep], positions[keep]
            alive = [alive[place] for place in running]
        ids = chosen[:, None]
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], 1)
        positions = positions[:, -1:] + 1
    total = time.perf_counter() - started
    return [_Row(tokens[row], *done.get(row, (False, total)), first_s) for row in range(len(prompts))]


def _needs_library(model: Any) -> bool:
    """Models whose every call is not (ids, mask, cache): prompt tuning puts vectors in front of the first one."""
    learned = bool(getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False))
    return learned or bool(getattr(model, "_is_stateful", False))


def _by_library(
    model: Any,
    prompts: list[list[int]],
    ends: set[int],
    max_new_tokens: int,
    tokenizer: Any,
    on_step: Callable[[], None] | None,
    prefix: Prefix | None = None,
) -> list[_Row]:
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    class Listening(StoppingCriteria):  # type: ignore[misc, unused-ignore]
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            seen.append(time.perf_counter() - started)
            if on_step is not None:
                on_step()
            return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    seen: list[float] = []
    started = time.perf_counter()
    ids, mask = _left_padded(prompts, _pad(tokenizer), next(model.parameters()).device)
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=sorted(ends) or None,
        pad_token_id=_pad(tokenizer),
    )
    whole = model.generate(
        input_ids=ids,
        attention_mask=mask,
        generation_config=config,
        stopping_criteria=StoppingCriteriaList([Listening()]),
    )
    seconds = time.perf_counter() - started
    rows = []
    for tokens in whole[:, ids.shape[1] :].tolist():
        stop = next((i for i, token in enumerate(tokens) if token in ends), None)
        rows.append(_Row(tokens[:stop], stop is not None, seconds, seen[0] if seen else None))
    return rows


def _left_padded(prompts: list[list[int]], pad: int, device: Any) -> tuple[Tensor, Tensor]:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), longest), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def _pad(tokenizer: Any) -> int:
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)
