"""Log-likelihood of tokens under a causal model: batched, sorted by length, the language head only where it
is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.evaluation.packing import Pack, Span, batch_tensors, common, pack

LOST = -100.0
"""Log-probability that stands for NaN or infinity, so that a destroyed model still gives a finite, terrible
number.
"""

_LOGIT_BYTES = 64 << 20
"""The head runs over at most this many bytes of logits at a time."""
_WORTH_KEEPING = 16
"""Tokens that all rows begin with, from which on their keys and values are kept; fewer cost less than the copies."""
_KEPT_TOKENS = 16_384
"""A batch holds at most this many copies of such tokens, so that keeping them takes no more memory than generating."""


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
    spans = [span for group in groups for span in group]
    reader = _Reader(model, split_head(model, min((span.ids for span in spans), key=len)), pad_id)
    bounded = _attends_within(model) < max(len(span.ids) for span in spans)
    together = not bounded and _packs_agree(reader, groups)
    if not bounded and (ahead := _beginning(spans)) and _beginning_agrees(reader, groups, ahead):
        reader.keep(spans[0].ids[:ahead])
        groups = [[_after(span, ahead) for span in group] for group in groups]
        batch_size = max(1, min(batch_size, _KEPT_TOKENS // ahead))
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


def _packs_agree(reader: _Reader, groups: Sequence[Sequence[Span]]) -> bool:
    """Whether this model scores continuations packed into one row as it does each alone.

    Prompt tuning, recurrent models and some attention kernels do not; it is tried on one group, not guessed.
    """
    many = [group for group in groups if len(group) > 1]
    if not many:
        return False
    group = min(many, key=lambda group: len(group[0].ids))
    return _agree(lambda: reader.read([pack(group)]), [reader.read([pack([span])])[0] for span in group])


def _beginning(spans: Sequence[Span]) -> int:
    """Tokens that all spans begin with and none is scored on or read at (examples, instructions), if worth keeping."""
    if len(spans) < 2 * _WORTH_KEEPING:
        return 0
    ahead = min(common([span.ids for span in spans]), min(span.start for span in spans) - 1)
    return ahead if ahead >= _WORTH_KEEPING else 0


def _beginning_agrees(reader: _Reader, groups: Sequence[Sequence[Span]], ahead: int) -> bool:
    """Whether rows score the same after kept keys and values; again tried, on one span, and taken back."""
    span = min((span for group in groups for span in group), key=lambda span: len(span.ids))

    def kept() -> list[Likelihood]:
        reader.keep(span.ids[:ahead])
        return reader.read([pack([_after(span, ahead)])])

    plain = reader.read([pack([span])])
    same = reader.keeps and _agree(kept, plain)
    reader.keep(())
    return same


def _after(span: Span, ahead: int) -> Span:
    return Span(span.ids[ahead:], span.start - ahead)


def _agree(tried: Callable[[], list[Likelihood]], plain: list[Likelihood]) -> bool:
    try:
        found = tried()
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError):
        return False
    return all(
        abs(x - y) <= 1e-3 * max(1.0, abs(y))
        for one, other in zip(found, plain, strict=True)
        for x, y in zip(one.tokens, other.tokens, strict=True)
    )


def _attends_within(model: Any) -> float:
    """Tokens back that every layer of the model sees: a mask of ours would know nothing of a sliding window."""
    config = getattr(model.config, "text_config", model.config)
    found = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((size for size in found if isinstance(size, int) and size > 0), default=float("inf"))


class _Reader:
    """Runs a model over packs and reads the log-probabilities that they ask for."""

    def __init__(self, model: Any, split: tuple[Any, Any] | None, pad_id: int) -> None:
        self._model, self._split, self._pad_id = model, split, pad_id
        first = next(model.parameters())
        self._device = first.device
        self._dtype = first.dtype if first.dtype.is_floating_point else torch.float32
        self._ahead = 0
        self._cache: Any = None

    @property
    def keeps(self) -> bool:
        """Whether there is a place to keep keys and values; vectors put in front (prompt tuning) would come twice."""
        return self._split is not None

    def keep(self, ids: Sequence[int]) -> None:
        """Read `ids` once and have them stand before every row from now on; none: nothing stands there."""
        self._ahead, self._cache = len(ids), None
        if ids and self._split is not None:
            given = torch.tensor([list(ids)], device=self._device)
            self._cache = self._split[0](input_ids=given, use_cache=True).past_key_values

    def read(self, packs: list[Pack]) -> list[Likelihood]:
        """One Likelihood for each span, pack after pack."""
        device = self._device
        ids, mask, positions = (t.to(device) for t in batch_tensors(packs, self._pad_id, self._dtype, self._ahead))
        length = ids.shape[1]
        reads = [row * length + place for row, p in enumerate(packs) for place in p.reads]
        # Choices are first read at the same place, and where they begin alike: the head runs there once.
        places, at = torch.tensor(reads, device=device).unique(return_inverse=True)
        targets = torch.tensor([token for p in packs for token in p.targets], device=device)
        inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if mask.dim() == 4 or self._ahead:
            inputs["position_ids"] = positions
        if self._cache is not None:
            cache = deepcopy(self._cache)
            cache.batch_repeat_interleave(len(packs))
            inputs |= {"past_key_values": cache, "use_cache": True}
        if self._split is None:
            # Prompt tuning puts its virtual tokens in front.
            logits = own_forward(self._model)(**inputs).logits[:, -length:].flatten(0, 1)
            scored, best = _gathered(lambda a, b: logits[places[a:b]], at, targets, logits.shape[-1])
        else:
            backbone, head = self._split
            hidden = backbone(**inputs).last_hidden_state.flatten(0, 1)[places]
            scored, best = _gathered(lambda a, b: head(hidden[a:b]), at, targets, int(head.weight.shape[0]))
        sizes = [size for p in packs for size in p.sizes]
        pieces = zip(scored.split(sizes), best.split(sizes), strict=True)
        return [Likelihood(tuple(values.tolist()), bool(hits.all())) for values, hits in pieces]


def _gathered(
    logits_of: Callable[[int, int], Tensor], at: Tensor, targets: Tensor, vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and whether it was the argmax. ``at``: which of the rows of logits predicts it;
    they are asked for in slices of bounded size."""
    size = max(1, _LOGIT_BYTES // (vocabulary * 4))
    scored, best = torch.empty(len(targets)), torch.empty(len(targets), dtype=torch.bool)
    for first in range(0, int(at.max()) + 1, size):
        logits = logits_of(first, first + size).float()
        mine = ((at >= first) & (at < first + size)).nonzero().squeeze(1)
        rows, wanted = at[mine] - first, targets[mine]
        found = logits[rows, wanted] - logits.logsumexp(1)[rows]
        scored[mine.cpu()] = torch.nan_to_num(found, nan=LOST, neginf=LOST, posinf=LOST).cpu()
        best[mine.cpu()] = (logits.argmax(1)[rows] == wanted).cpu()
    return scored, best


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
