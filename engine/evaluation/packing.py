"""Several continuations of one prompt in one row: what they begin with is computed once, each sees only it and itself.

A multiple-choice question costs its prompt plus its choices instead of its prompt once a choice; where the choices
begin alike, that costs once too. A beginning that all rows have (examples, instructions) can be left out altogether:
its keys and values are then in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Span:
    """One sequence of token ids, of which `ids[start:]` is to be scored given everything before."""

    ids: tuple[int, ...]
    start: int

    def __post_init__(self) -> None:
        if not 1 <= self.start < len(self.ids):
            raise ValueError(f"Start {self.start} in {len(self.ids)} tokens leaves nothing before or nothing to score")


@dataclass(frozen=True, slots=True)
class Pack:
    """Spans laid into one row: `ids`, their `positions`, and the `branch` each belongs to (-1: all of them)."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    branch: tuple[int, ...]
    reads: tuple[int, ...]
    """Where in the row each scored token is predicted, span after span."""
    targets: tuple[int, ...]
    sizes: tuple[int, ...]
    """How many scored tokens each span has."""

    @property
    def plain(self) -> bool:
        """Whether an ordinary causal mask does."""
        return len(self.sizes) == 1


def pack(spans: Sequence[Span]) -> Pack:
    """Lay spans into one row, their common beginning once. The last token of a span is predicted, never read."""
    shared = _shared(spans)
    ids = list(spans[0].ids[:shared])
    positions, branch = list(range(shared)), [-1] * shared
    reads: list[int] = []
    targets: list[int] = []
    for number, span in enumerate(spans):
        offset = len(ids) - shared
        body = span.ids[shared:-1]
        ids += body
        positions += range(shared, shared + len(body))
        branch += [number] * len(body)
        reads += [place if place < shared else offset + place for place in range(span.start - 1, len(span.ids) - 1)]
        targets += span.ids[span.start :]
    sizes = tuple(len(span.ids) - span.start for span in spans)
    return Pack(tuple(ids), tuple(positions), tuple(branch), tuple(reads), tuple(targets), sizes)


def _shared(spans: Sequence[Span]) -> int:
    """Length of the beginning that all spans share, without the last token of any; a lone span is all beginning."""
    shared = common([span.ids for span in spans])
    return min(shared, min(len(span.ids) for span in spans) - 1)


def common(rows: Iterable[Sequence[int]]) -> int:
    """How many tokens all rows begin with alike."""
    first, *others = rows
    length = len(first)
    for row in others:
        length = min(length, len(row))
        while first[:length] != row[:length]:
            # Rows that differ early are found soon; those that differ late are few.
            length = next(place for place in range(length) if first[place] != row[place])
    return length


def batch_tensors(
    packs: Sequence[Pack], pad_id: int, dtype: torch.dtype, before: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """(ids, attention mask, positions) of packs padded on the right to one length L.

    ``before``: tokens P whose keys and values stand in front of every row. The mask is (B, P + L) of ones and zeros
    when an ordinary causal mask does, else (B, 1, L, P + L) to be added to the attention scores.
    """
    longest = max(len(p.ids) for p in packs)
    ids = torch.full((len(packs), longest), pad_id, dtype=torch.long)
    positions = torch.zeros_like(ids)
    branch = torch.full_like(ids, -2)  # padding: a branch of its own
    for row, item in enumerate(packs):
        size = len(item.ids)
        ids[row, :size] = torch.tensor(item.ids)
        positions[row, :size] = torch.tensor(item.positions) + before
        branch[row, :size] = torch.tensor(item.branch)
    if all(p.plain for p in packs):
        return ids, torch.cat([torch.ones(len(packs), before), branch > -2], 1).long(), positions
    causal = torch.ones(longest, longest, dtype=torch.bool).tril()
    allowed = causal & ((branch[:, None, :] == -1) | (branch[:, None, :] == branch[:, :, None]))
    allowed = torch.cat([allowed.new_ones(len(packs), longest, before), allowed], 2)
    mask = torch.zeros(len(packs), 1, longest, before + longest, dtype=dtype)
    return ids, mask.masked_fill(~allowed[:, None], torch.finfo(dtype).min), positions
