"""Pulling the trained weights back to where they began, so that less is forgotten: L2-to-start (L2-SP) and EWC.

Penalty: 1/2 * sum over trained weights of (l2 + ewc * F) * (w - w0)^2. L2-SP: Li et al., arXiv 1802.01483; EWC:
Kirkpatrick et al., arXiv 1612.00796. With LoRA the matrix B begins at zero: there it is weight decay in the loss.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainerCallback

from engine.evaluation.probing import MAX_PASSAGE_TOKENS, context_length, load_suite
from engine.events import EventWriter
from engine.training.sharding import shared_like
from engine.training.spec import TrainingOptions

FISHER_SUITE = "general"
_SOURCE = {
    True: "replay rows",
    False: "passages of the general suite (whose loss it flatters: choose replay rows to avoid that)",
}


class Anchor(TrainerCallback):
    """Adds the penalty's gradient just before each optimizer step: after accumulation, clipping and unscaling, so it is
    the same with any method, batch and precision. The loss that is logged stays the loss on the data."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        options: TrainingOptions,
        events: EventWriter,
        autocast: Any,
        replayed: Sequence[list[int]] = (),
    ) -> None:
        """Call it before a checkpoint is loaded: the weights as they are now are where the pull goes to. ``replayed``:
        token ids of general rows; without them the Fisher diagonal is taken from the passages of the general suite."""
        self._options = options
        self._events = events
        self.start = {
            name: parameter.detach().clone() for name, parameter in model.named_parameters() if parameter.requires_grad
        }
        self.fisher: dict[str, torch.Tensor] = {}
        if options.ewc:
            began = time.monotonic()
            self.fisher, rows = fisher(model, list(replayed) or passages(model, tokenizer), autocast)
            self._tell(rows, bool(replayed), time.monotonic() - began)

    def part(self, model: Any) -> None:
        """Once the model is shared among processes: each keeps its share of where the pull goes to."""
        for name, parameter in model.named_parameters():
            for held in (self.start, self.fisher):
                if name in held:
                    held[name] = shared_like(parameter, held[name])

    def on_train_begin(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        optimizer = found["optimizer"]
        parameters = {name: value for name, value in found["model"].named_parameters() if value.requires_grad}
        inner = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
        inner.register_step_pre_hook(lambda *_: self._pull(parameters))

    @torch.no_grad()
    def _pull(self, parameters: dict[str, torch.nn.Parameter]) -> None:
        for name, parameter in parameters.items():
            if parameter.grad is None:
                continue
            moved = parameter - self.start[name]
            if self._options.l2_to_start:
                parameter.grad.add_(moved, alpha=self._options.l2_to_start)
            if self.fisher:
                parameter.grad.addcmul_(self.fisher[name], moved, value=self._options.ewc)

    def _tell(self, rows: int, replayed: bool, seconds: float) -> None:
        held = sum(value.numel() * value.element_size() for value in (*self.start.values(), *self.fisher.values()))
        self._events.emit(
            "log",
            code="fisher",
            rows=rows,
            source="replay rows" if replayed else "passages of the general suite",
            seconds=round(seconds, 2),
            bytes=held,
            text=f"Fisher diagonal from {rows} {_SOURCE[replayed]} in {seconds:.1f} s, "
            f"{held:,} bytes held with the start",
        )


def passages(model: Any, tokenizer: Any) -> list[list[int]]:
    """The passages of the general suite as token ids."""
    limit = min(MAX_PASSAGE_TOKENS, context_length(model))
    return [tokenizer(passage.text)["input_ids"][:limit] for passage in load_suite(FISHER_SUITE).passages]


def fisher(model: Any, texts: Sequence[list[int]], autocast: Any) -> tuple[dict[str, torch.Tensor], int]:
    """The empirical Fisher diagonal of each trained weight (mean of squared gradients, a text of token ids at a time)
    and the number of texts. Scaled to a mean of 1 over all trained weights, so that ``ewc`` has the size of
    ``l2_to_start``.

    ``autocast`` is a context in which products are computed as in training. Mode, gradients and random numbers are
    left as they were found.
    """
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    found = {name: torch.zeros_like(value) for name, value in trained.items()}
    was_training, rows = model.training, 0
    model.eval()
    for text in texts:
        ids = torch.tensor([text], device=model.device)
        if ids.shape[1] < 2:
            continue
        with autocast():
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        rows += 1
        for name, parameter in trained.items():
            if parameter.grad is not None:
                found[name].addcmul_(parameter.grad, parameter.grad)
        model.zero_grad(set_to_none=True)
    model.train(was_training)
    mean = sum(float(value.sum()) for value in found.values()) / max(1, sum(value.numel() for value in found.values()))
    if mean > 0:
        for value in found.values():
            value.div_(mean)
    return found, rows
