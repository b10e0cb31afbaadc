"""The trainer that learns from a teacher's distribution, and the teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from engine.errors import EngineError
from engine.training.loading import load_model, load_tokenizer
from engine.training.plan import Plan
from engine.training.trainer import AnswerTrainer, Kept


def load_teacher(folder: Path, tokenizer: Any, plan: Plan) -> Any:
    """The teacher, frozen, in the plan's precision.

    Raises EngineError("Model") when its tokenizer is another than the student's: its distribution would be over other
    tokens.
    """
    theirs = load_tokenizer(folder)
    if theirs.get_vocab() != tokenizer.get_vocab():
        raise EngineError(
            "Model",
            f"The teacher {folder.name} has another tokenizer than the model that is to learn.",
            "Choose a teacher of the same family, or let it draft answers and train on those.",
        )
    return load_model(folder, plan).eval().requires_grad_(False)


class DistillationTrainer(AnswerTrainer):
    """alpha x T^2 x KL(teacher || student) at temperature T, and (1 - alpha) x cross-entropy with the data's answers,
    both as sums over the trained tokens of a step divided by their number."""

    extras = {"distillation_loss": "distillation_loss"}

    def learn_from(self, teacher: Any, *, temperature: float, alpha: float) -> None:
        """Sets the teacher. Its head too runs on trained positions only."""
        self._teacher, self._temperature, self._alpha = teacher, temperature, alpha
        self._teacher_kept = Kept(teacher)
        self._divergence: list[torch.Tensor] = []

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if not self.model.training:  # what is validated is the loss on the answers: comparable with any other run
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        with self.computing(inputs):
            return self._distilled(model, inputs, num_items_in_batch)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs and self._divergence:
            logs["distillation_loss"] = float(torch.stack(self._divergence).mean())
            self._divergence.clear()
        super().log(logs, *args, **kwargs)

    def _distilled(self, model: Any, inputs: Any, items: Any) -> torch.Tensor:
        targets = functional.pad(inputs["labels"][:, 1:], (0, 1), value=-100)
        trained = targets != -100
        passed = {name: value for name, value in inputs.items() if name != "labels"}
        with self.kept.only(trained):
            logits = model(**passed, use_cache=False).logits.float()
        with torch.no_grad(), self._teacher_kept.only(trained):
            taught = self._teacher(**passed, use_cache=False).logits.float()
        # Heads may be padded to different widths beyond the shared vocabulary.
        width = min(logits.shape[-1], taught.shape[-1])
        answers = functional.cross_entropy(logits, targets[trained], reduction="sum")
        heat = self._temperature
        divergence = functional.kl_div(
            functional.log_softmax(logits[:, :width] / heat, -1),
            functional.log_softmax(taught[:, :width] / heat, -1),
            reduction="sum",
            log_target=True,
        )
        self._divergence.append(divergence.detach() / trained.sum().clamp(min=1))
        total = self._alpha * heat**2 * divergence + (1 - self._alpha) * answers
        return total / self.divisor(trained, items)
