"""Trainers that compare answers, on top of trl's: rows come encoded, losses are computed where the plan says."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch.nn import functional
from trl import DPOTrainer, KTOTrainer

from engine.training.checkpoints import Memory
from engine.training.encoding import Rows
from engine.training.plan import Plan
from engine.training.trainer import WorkbenchTrainer


def pairs(rows: Rows) -> Any:
    """Preference rows as trl's collator wants them."""
    from datasets import Dataset

    return Dataset.from_list(
        [
            {"prompt_ids": row.prompt, "chosen_ids": row.answers[0], "rejected_ids": row.answers[1]}
            for row in rows.encoded
        ]
    )


def thumbs(rows: Rows, batch: int, seed: int) -> Any:
    """Rows with a thumb as trl's collator wants them, in a seeded order that it then keeps.

    Each prompt is given the answer of its neighbour in the batch besides: that pair is the estimate of how far the
    model has moved at all (arXiv 2402.01306, section 4.1).
    """
    from datasets import Dataset

    order = list(rows.encoded)
    random.Random(seed).shuffle(order)
    return Dataset.from_list(
        [
            {
                "prompt_ids": row.prompt,
                "completion_ids": row.answers[0],
                "KL_completion_ids": order[_neighbour(place, batch, len(order))].answers[0],
                "label": bool(row.label),
            }
            for place, row in enumerate(order)
        ]
    )


def _neighbour(place: int, batch: int, rows: int) -> int:
    first = place - place % batch
    return place - 1 if place > first else min(first + batch, rows) - 1


class _Judging(WorkbenchTrainer):
    """What both kinds share. In front of one of trl's trainers."""

    extras = {
        "rewards/margins": "reward_margin",
        "rewards/accuracies": "reward_accuracy",
        "rewards/chosen": "reward_chosen",
        "rewards/rejected": "reward_rejected",
    }
    _metrics: Any

    def __init__(self, *args: Any, plan: Plan, memory: Memory, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plan, self.memory = plan, memory

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        with self.computing(inputs):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

    def validated(self) -> dict[str, float]:
        """Means over the last validation of what ``extras`` names."""
        found = self._metrics["eval"]
        means = {name: sum(found[key]) / len(found[key]) for key, name in self.extras.items() if found.get(key)}
        found.clear()
        return means


class PairTrainer(_Judging, DPOTrainer):
    """trl's DPOTrainer."""

    def batch_weight(self, batch: Any) -> float:
        return len(batch["input_ids"]) / 2


class ThumbTrainer(_Judging, KTOTrainer):
    """trl's KTOTrainer."""

    def batch_weight(self, batch: Any) -> float:
        return len(batch["input_ids"])


class OddsTrainer(PairTrainer):
    """ORPO: cross-entropy of the chosen answer, and ``beta`` times the log-sigmoid of the log odds ratio."""

    def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
        mask = inputs["completion_mask"][:, 1:]
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        passed = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        outputs = model(**passed, labels=labels, fused_lm_head=True, use_cache=False)
        scores = outputs.log_probs[:, -mask.shape[1] :].float() * mask
        means = scores.sum(1) / mask.sum(1).clamp(min=1)
        chosen, rejected = means.chunk(2)
        # log(p / (1 - p)) of a mean log-probability; log1p keeps its digits where p is near 1.
        odds = (chosen - rejected) - (_log_complement(chosen) - _log_complement(rejected))
        loss = -chosen.mean() - self.beta * functional.logsigmoid(odds).mean()
        kept = self._metrics["train" if self.model.training else "eval"]
        for name, value in (
            ("rewards/chosen", self.beta * chosen.mean()),
            ("rewards/rejected", self.beta * rejected.mean()),
            ("rewards/margins", self.beta * (chosen - rejected).mean()),
            ("rewards/accuracies", (chosen > rejected).float().mean()),
        ):
            kept[name].append(float(value.detach()))
        return (loss, outputs) if return_outputs else loss

    def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
        return dataset


def _log_complement(log_probability: torch.Tensor) -> torch.Tensor:
    """log(1 - p) for log p, away from p = 1."""
    return torch.log1p(-torch.exp(log_probability).clamp(max=1 - 1e-6))
