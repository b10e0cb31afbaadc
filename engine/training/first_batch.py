"""The first batch as the model sees it: which tokens are trained and which are only read."""

from __future__ import annotations

import random
from typing import Any

import numpy
import torch

from engine.training.encoding import IGNORED
from engine.training.sampling import seen

MOST_ROWS = 8


def describe(trainer: Any, tokenizer: Any) -> dict[str, Any]:
    """The batch behind the first pass: ``rows`` of ``{tokens, trained, side, parts}``, where ``parts`` are (text, is it
    trained) in order and ``side`` is "chosen" or "rejected" for pairs. Personal data in it is masked. No random number
    of the run is used up."""
    batch = _first(trainer)
    ids, trained, present = _masks(batch)
    sides = _sides(batch, len(ids))
    rows = [
        seen(
            tokenizer, ids[place][present[place]].tolist(), trained[place][present[place]].tolist(), sides[place]
        ).to_json()
        for place in range(min(MOST_ROWS, len(ids)))
    ]
    total, taught = int(present.sum()), int((trained & present).sum())
    return {
        "rows": rows,
        "sequences": len(ids),
        "tokens": total,
        "trained": taught,
        "text": f"The first batch: {len(ids)} sequences, {total:,} tokens, {taught:,} of them trained",
    }


def _first(trainer: Any) -> Any:
    chance, arrays = random.getstate(), numpy.random.get_state()
    known = len(trainer.accelerator._dataloaders)
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            return next(iter(trainer.get_train_dataloader()))
    finally:
        del trainer.accelerator._dataloaders[known:]
        random.setstate(chance)
        numpy.random.set_state(arrays)


def _masks(batch: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(token ids, is it trained, is it there and no padding), each of shape (sequences, length)."""
    ids = batch["input_ids"]
    mask = batch.get("attention_mask")
    present = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    if "labels" in batch:
        return ids, batch["labels"] != IGNORED, present
    return ids, batch["completion_mask"].bool(), present


def _sides(batch: Any, count: int) -> list[str]:
    """Pairs lie as all chosen answers, then all rejected ones."""
    if "labels" in batch or "KL_input_ids" in batch or "label" in batch:
        return [""] * count
    return ["chosen"] * (count // 2) + ["rejected"] * (count - count // 2)
