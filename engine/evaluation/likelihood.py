"""Log-likelihood of tokens under a causal model: batched, sorted by length, the language head only where it
is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.evaluation.packing import Pack, Span, batch_tensors, pack

LOST = -100.0
"""Log-probability that stands for NaN or infinity, so that a destroyed model still gives a finite, terrible
number.
"""

_LOGIT_BYTES = 64 << 20
"""The head runs over at most this many bytes of logits at a time."""


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
    groups: Sequence[Sequence[Span]],
    *,
    batch_size: int = 16,
    pad_id: int = 0,
    on_batch: Callable[[int], None] | None = None,
) -> list[list[Likelihood]]:
    """Score groups of spans, each group the continuations of one prompt; answers in the order given.

    Call it inside `precision.measuring`. `batch_size` counts sequences. `on_batch` hears how many groups are done
    after each batch (progress, or a stop raised from it). Rows are padded on the right, which a causal model cannot
    see: a span's figures do not depend on its batch beyond float rounding.
    """
    model = unwrapped(model)
    if not groups:
        return []
    shortest = min((span for group in groups for span in group), key=lambda span: len(span.ids))
    reader = _Reader(model, split_head(model, shortest.ids), pad_id)
    many = max((group for group in groups if len(group) > 1), key=lambda group: -len(group[0].ids), default=None)
    together = many is not None and _packs_agree(reader, many)
    packs = [([pack(group)] if together else [pack([span]) for span in group]) for group in groups]
    order = sorted(range(len(packs)), key=lambda i: max(len(p.ids) for p in packs[i]), reverse=True)
    answers: dict[int, list[Likelihood]] = {}
    for chosen in _filled(order, [len(group) for group in groups], batch_size):
        found = iter(reader.read([p for i in chosen for p in packs[i]]))
        answers.update({i: [next(found) for _ in groups[i]] for i in chosen})
        if on_batch is not None:
            on_batch(len(answers))
    return [answers[i] for i in range(len(groups))]


def _filled(order: list[int], sizes: list[int], batch_size: int) -> Iterator[list[int]]:
    """Consecutive groups with at most `batch_size` sequences between them, one group at least."""
    batch: list[int] = []
    held = 0
    for index in order:
        if batch and held + sizes[index] > batch_size:
            yield batch
            batch, held = [], 0
        batch.append(index)
        held += sizes[index]
    if batch:
        yield batch


def _packs_agree(reader: _Reader, group: Sequence[Span]) -> bool:
    """Whether this model scores continuations packed into one row as it does each alone.

    Prompt tuning, recurrent models and some attention kernels do not; it is tried on one group, not guessed.
    """
    apart = [reader.read([pack([span])])[0] for span in group]
    try:
        packed = reader.read([pack(group)])
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    return all(
        abs(x - y) <= 1e-3 * max(1.0, abs(y))
        for one, other in zip(packed, apart, strict=True)
        for x, y in zip(one.tokens, other.tokens, strict=True)
    )


class _Reader:
    """Runs a model over packs and reads the log-probabilities that they ask for."""

    def __init__(self, model: Any, split: tuple[Any, Any] | None, pad_id: int) -> None:
        self._model, self._split, self._pad_id = model, split, pad_id
        first = next(model.parameters())
        self._device = first.device
        self._dtype = first.dtype if first.dtype.is_floating_point else torch.float32

    def read(self, packs: list[Pack]) -> list[Likelihood]:
        """One Likelihood for each span, pack after pack."""
        device = self._device
        ids, mask, positions = (t.to(device) for t in batch_tensors(packs, self._pad_id, self._dtype))
        rows = torch.tensor([row for row, p in enumerate(packs) for _ in p.reads], device=device)
        columns = torch.tensor([place for p in packs for place in p.reads], device=device)
        targets = torch.tensor([token for p in packs for token in p.targets], device=device)
        inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if mask.dim() == 4:
            inputs["position_ids"] = positions
        if self._split is None:
            # Prompt tuning puts its virtual tokens in front.
            logits = own_forward(self._model)(**inputs).logits[:, -ids.shape[1] :]
            scored, best = _gathered(lambda a, b: logits[rows[a:b], columns[a:b]], targets, logits.shape[-1])
        else:
            backbone, head = self._split
            hidden = backbone(**inputs).last_hidden_state[rows, columns]
            scored, best = _gathered(lambda a, b: head(hidden[a:b]), targets, int(head.weight.shape[0]))
        sizes = [size for p in packs for size in p.sizes]
        pieces = zip(scored.split(sizes), best.split(sizes), strict=True)
        return [Likelihood(tuple(values.tolist()), bool(hits.all())) for values, hits in pieces]


def _gathered(logits_of: Callable[[int, int], Tensor], targets: Tensor, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and whether it was the argmax, over slices of bounded size."""
    size = max(1, _LOGIT_BYTES // (vocabulary * 4))
    scored, best = [], []
    for first in range(0, len(targets), size):
        logits = logits_of(first, first + size).float()
        wanted = targets[first : first + size]
        at_target = logits.gather(1, wanted[:, None]).squeeze(1)
        scored.append(torch.nan_to_num(at_target - logits.logsumexp(1), nan=LOST, neginf=LOST, posinf=LOST).cpu())
        best.append((logits.argmax(1) == wanted).cpu())
    return torch.cat(scored), torch.cat(best)


def unwrapped(model: Any) -> Any:
    """The model inside a data-parallel wrapper, else the model itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


def split_head(model: Any, probe_ids: Sequence[int]) -> tuple[Any, Any] | None:
    """(backbone, head) when running them one after the other gives this model's own logits, else None.

    Not every model is backbone-then-head (some scale or cap their logits, prompt tuning prepends vectors), so
    it is tried on a few tokens instead of being known from a list of architectures.
    """
    whole = own_forward(model)
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


def own_forward(model: Any) -> Callable[..., Any]:
    """The model's own forward, not a trainer's mixed-precision wrapper around it."""
    forward: Callable[..., Any] = getattr(model, "_original_forward", model)
    return forward
