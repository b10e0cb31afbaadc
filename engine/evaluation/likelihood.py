"""Log-likelihood of tokens under a causal model: batched, sorted by length, the language head only where it
is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

LOST = -100.0
"""Log-probability that stands for NaN or infinity, so that a destroyed model still gives a finite, terrible
number.
"""

_LOGIT_BYTES = 64 << 20
"""The head runs over at most this many bytes of logits at a time."""


@dataclass(frozen=True, slots=True)
class Span:
    """One sequence of token ids, of which `ids[start:]` is to be scored given everything before. `start` >=
    1.
    """

    ids: tuple[int, ...]
    start: int

    def __post_init__(self) -> None:
        if not 1 <= self.start < len(self.ids):
            raise ValueError(
                f"Start {self.start} in {len(self.ids)} tokens leaves nothing before or nothing to score"
            )


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Log-probabilities of a span's scored tokens, in nats, in order; `greedy` when each was the model's
    first choice.
    """

    tokens: tuple[float, ...]
    greedy: bool

    @property
    def total(self) -> float:
        return sum(self.tokens)


def span_likelihoods(
    model: Any,
    spans: Sequence[Span],
    *,
    batch_size: int = 16,
    pad_id: int = 0,
    on_batch: Callable[[int], None] | None = None,
) -> list[Likelihood]:
    """Score every span; answers in the order given. Call it inside `precision.measuring`.

    `on_batch` hears how many spans are done after each batch (progress, or a stop raised from it).
    Rows are padded on the right, which a causal model cannot see; a span's figures do not depend on its batch
    beyond float rounding.
    """
    model = unwrapped(model)
    order = sorted(range(len(spans)), key=lambda i: (len(spans[i].ids), spans[i].ids), reverse=True)
    answers: dict[int, Likelihood] = {}
    split = split_head(model, spans[order[-1]].ids) if order else None
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        answers.update(
            zip(chosen, _score_batch(model, split, [spans[i] for i in chosen], pad_id), strict=True)
        )
        if on_batch is not None:
            on_batch(len(answers))
    return [answers[i] for i in range(len(spans))]


def _score_batch(
    model: Any, split: tuple[nn.Module, nn.Module] | None, spans: list[Span], pad_id: int
) -> list[Likelihood]:
    device = next(model.parameters()).device
    longest = max(len(span.ids) for span in spans) - 1  # the last token is predicted, never read
    ids = torch.full((len(spans), longest), pad_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, span in enumerate(spans):
        ids[row, : len(span.ids) - 1] = torch.tensor(span.ids[:-1])
        mask[row, : len(span.ids) - 1] = 1
    # Position p predicts token p + 1.
    rows = torch.cat([torch.full((len(s.ids) - s.start,), r) for r, s in enumerate(spans)]).to(device)
    columns = torch.cat([torch.arange(s.start - 1, len(s.ids) - 1) for s in spans]).to(device)
    ids, mask = ids.to(device), mask.to(device)
    targets = torch.tensor([token for span in spans for token in span.ids[span.start :]], device=device)
    if split is None:
        logits = _forward(model)(input_ids=ids, attention_mask=mask, use_cache=False).logits
        logits = logits[:, -longest:]  # prompt tuning puts its virtual tokens in front
        scored, best = _gathered(lambda a, b: logits[rows[a:b], columns[a:b]], targets, logits.shape[-1])
    else:
        backbone, head = split
        hidden = backbone(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[
            rows, columns
        ]
        scored, best = _gathered(lambda a, b: head(hidden[a:b]), targets, int(head.weight.shape[0]))
    sizes = [len(span.ids) - span.start for span in spans]
    pieces = zip(scored.split(sizes), best.split(sizes), strict=True)
    return [Likelihood(tuple(values.tolist()), bool(hits.all())) for values, hits in pieces]


def _gathered(
    logits_of: Callable[[int, int], Tensor], targets: Tensor, vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and whether it was the argmax, over slices of bounded size."""
    size = max(1, _LOGIT_BYTES // (vocabulary * 4))
    scored, best = [], []
    for first in range(0, len(targets), size):
        logits = logits_of(first, first + size).float()
        wanted = targets[first : first + size]
        at_target = logits.gather(1, wanted[:, None]).squeeze(1)
        scored.append(
            torch.nan_to_num(at_target - logits.logsumexp(1), nan=LOST, neginf=LOST, posinf=LOST).cpu()
        )
        best.append((logits.argmax(1) == wanted).cpu())
    return torch.cat(scored), torch.cat(best)


def unwrapped(model: Any) -> Any:
    """The model inside a data-parallel wrapper, else the model itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


def split_head(model: Any, probe_ids: Sequence[int]) -> tuple[nn.Module, nn.Module] | None:
    """(backbone, head) when running them one after the other gives this model's own logits, else None.

    Not every model is backbone-then-head (some scale or cap their logits, prompt tuning prepends vectors), so
    it is tried on a few tokens instead of being known from a list of architectures.
    """
    whole = _forward(model)
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return None
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    backbone = getattr(causal, getattr(causal, "base_model_prefix", "") or "model", None)
    head = causal.get_output_embeddings() if hasattr(causal, "get_output_embeddings") else None
    if backbone is None or head is None or not hasattr(head, "weight"):
        return None
    ids = torch.tensor([list(probe_ids[:8])], device=next(model.parameters()).device)
    logits = whole(input_ids=ids, use_cache=False).logits
    apart = head(backbone(input_ids=ids, use_cache=False).last_hidden_state)
    same = logits.shape == apart.shape and torch.allclose(logits, apart, rtol=1e-3, atol=1e-3, equal_nan=True)
    return (backbone, head) if same else None


def _forward(model: Any) -> Callable[..., Any]:
    """The model's own forward, not a trainer's mixed-precision wrapper around it."""
    forward: Callable[..., Any] = getattr(model, "_original_forward", model)
    return forward
