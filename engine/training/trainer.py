"""What every method's trainer shares on top of trl's: checkpoints named by step, validation in fp32, counted tokens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer import SCHEDULER_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl import SFTTrainer

from engine.adapters import bottleneck
from engine.evaluation.precision import measuring
from engine.training import ranks, sharding
from engine.training.checkpoints import Memory
from engine.training.encoding import IGNORED
from engine.training.plan import Plan
from engine.training.sharding import Shards

HEAD_ELEMENTS = 1 << 28
"""Logits beyond this many elements (about 2.5 GB with their gradient) go through trl's own tiled head instead."""


class WorkbenchTrainer(Trainer):
    """A mixin in front of one of trl's trainers. Sums of losses are divided by the trained tokens of the whole step,
    so that batch 1 x accumulation 8 is batch 8 x accumulation 1."""

    plan: Plan
    extras: Mapping[str, str] = {}
    """What the method measures besides its loss: the library's name in its log -> the name in our events."""
    memory: Memory
    """What the run knows about itself; written into every checkpoint."""
    shards: Shards | None = None
    """The model's, where the processes of the run share it."""

    def shard(self) -> None:
        """Parts the model among the processes of the run; what is to be loaded into it has been."""
        self.shards = Shards(self.model, self.plan.device)
        # The library's word for a model that averages its gradients by itself: it is not wrapped again.
        self.is_distributed_loading_by_transformers = True

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """No card of the library's: the workbench writes its own."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Saves the library's way, then renames: a folder called step-N is whole, whatever kills the process."""
        # The library switches the cache off for training and would save that: generation from it would crawl.
        was, self.model.config.use_cache = self.model.config.use_cache, True
        super()._save_checkpoint(model, trial)
        self.model.config.use_cache = was
        folder = Path(self.args.output_dir)
        written = folder / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        for leaving in ("README.md", "training_args.bin"):  # a card without content, and a pickle
            (written / leaving).unlink(missing_ok=True)
        ranks.total(0)  # all have come this far: each process has written its random numbers
        if ranks.rank():
            return
        target = folder / f"step-{self.state.global_step}"
        self.memory.write(written)
        if target.exists():
            shutil.rmtree(target)
        written.rename(target)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        with self.shards.whole("cpu") if self.shards else nullcontext():
            if self.shards is None or ranks.rank() == 0:
                super().save_model(output_dir, _internal_call)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.shards is None:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        sharding.write_state(self.optimizer, Path(output_dir))
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.shards is None or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        sharding.read_state(self.optimizer, Path(checkpoint))
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULER_NAME, weights_only=True))

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Over all shards: the library's is a sum that is still to be taken."""
        found = super()._get_grad_norm(model, grad_norm)
        return found.full_tensor() if isinstance(found, DTensor) else found

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.shards is not None:  # whole weights were loaded before they were parted
            return
        if bottleneck.is_on(self.model):  # an adapter of our own: the library would look for whole weights
            bottleneck.load_weights(self.model, Path(resume_from_checkpoint))
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def validate(self, between: Callable[[], None] | None = None) -> tuple[float, str]:
        """Mean loss over the validation rows' trained tokens, and the precision it was measured in.

        ``between`` is called after each batch; what it raises ends the validation.
        """
        total, weight = 0.0, 0.0
        with measuring(self.model) as precision, self.by_itself():
            for batch in self._validation_batches():
                count = self.batch_weight(batch)
                if count:
                    loss, _, _ = self.prediction_step(self.model, batch, prediction_loss_only=True)
                    total, weight = total + float(loss) * count, weight + count
                if between:
                    between()
        return total / max(weight, 1.0), precision

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """While inside, the library's figures are those of this process: the others compute nothing meanwhile, and it
        would wait for theirs."""
        if ranks.world() < 2:
            yield
            return
        accelerator: Any = self.accelerator
        accelerator.gather = accelerator.gather_for_metrics = lambda found, *_, **__: found
        try:
            yield
        finally:
            del accelerator.gather, accelerator.gather_for_metrics

    def _validation_batches(self) -> Any:
        """All of them: the library would share them out among the processes, and only the first measures."""
        if ranks.world() < 2:
            return self.get_eval_dataloader()
        return DataLoader(
            self.eval_dataset, batch_size=self.args.per_device_eval_batch_size, collate_fn=self.data_collator
        )

    def validated(self) -> dict[str, float]:
        """What the method measured besides its loss over the last validation."""
        return {}

    @contextmanager
    def computing(self, inputs: Any) -> Iterator[None]:
        """Counts the tokens of a training batch, and computes its products where the plan says while inside."""
        training = bool(self.model.training)
        if training:
            present = inputs.get("attention_mask")
            self.memory.tokens += int(present.sum() if present is not None else inputs["input_ids"].numel())
        dtype = self.plan.autocast if training and not self.plan.fp16 else None
        with torch.autocast(self.plan.device, dtype or torch.bfloat16, enabled=dtype is not None):
            yield

    @staticmethod
    def divisor(trained: torch.Tensor, items: Any) -> torch.Tensor:
        """What a sum over ``trained`` positions is divided by: ``items``, the trained tokens of the whole step in all
        processes, whose gradients will be averaged; else their own number."""
        return torch.as_tensor(trained.sum() if items is None else items / ranks.world()).clamp(min=1)

    def batch_weight(self, batch: Any) -> float:
        """What a batch's mean loss counts for in the validation loss."""
        return float((batch["labels"][:, 1:] != IGNORED).sum())


class Kept:
    """A hook in front of a model's head that lets chosen positions through only."""

    def __init__(self, model: Any) -> None:
        self._chosen: torch.Tensor | None = None
        model.get_output_embeddings().register_forward_pre_hook(self._choose)

    @contextmanager
    def only(self, chosen: torch.Tensor) -> Iterator[None]:
        """While inside, the head sees ``chosen`` positions (a mask of batch x length), in one flat row."""
        self._chosen = chosen
        try:
            yield
        finally:
            self._chosen = None

    def _choose(self, _: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
        if self._chosen is None:
            return None
        hidden, chosen = inputs[0], self._chosen
        virtual = hidden.shape[1] - chosen.shape[1]  # prompt-learning adapters put their own positions in front
        if virtual > 0:
            chosen = functional.pad(chosen, (virtual, 0))
        return (hidden[chosen], *inputs[1:])


class AnswerTrainer(WorkbenchTrainer, SFTTrainer):
    """trl's SFTTrainer with the head run once, on trained positions only.

    trl's fused head scores every position, prompts and padding too, where there is no Triton, and computes logits
    again in backward. Here a hook in front of the model's own head keeps the trained rows; the loss is the same.
    """

    def __init__(self, *args: Any, plan: Plan, memory: Memory, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plan, self.memory = plan, memory
        # Told here because the libraries' guesses differ for adapters: the loss below is summed over a whole step.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        self.kept = Kept(self.model)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        with self.computing(inputs):
            labels = inputs["labels"]
            trained = int((labels[:, 1:] != IGNORED).sum())
            if return_outputs or self.plan.device != "cpu" or trained * self.model.config.vocab_size > HEAD_ELEMENTS:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            return self._answer_loss(model, inputs, labels, num_items_in_batch)

    def _answer_loss(self, model: Any, inputs: Any, labels: torch.Tensor, items: Any) -> torch.Tensor:
        """Cross-entropy in fp32 of the trained tokens, divided by ``items`` (or by their own number)."""
        targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        trained = targets != IGNORED
        passed = {name: value for name, value in inputs.items() if name != "labels"}
        with self.kept.only(trained):
            logits = model(**passed, use_cache=False).logits
        total = functional.cross_entropy(logits.float(), targets[trained], reduction="sum")
        return total / self.divisor(trained, items)
