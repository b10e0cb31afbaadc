"""The options every training run has, whatever its method and adapter. No torch.

The web form, the help, the validation and ``python -m engine methods --json`` derive from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.evaluation import task_metrics
from engine.training.options import SpecError, check, option

_ON_OFF_AUTO = (("auto", "Automatic"), ("on", "On"), ("off", "Off"))
UNSHARDED = "off"
_REFUSED_BY_SHARDING: Mapping[str, tuple[Any, str]] = {
    "num_processes": (1, "there is nobody to share the model with; set processes to 2 or more"),
    "optim": ("adafactor", "it scales by means over whole matrices, and no process holds one"),
    "precision": ("fp16", "its loss scaling looks for overflows in one process's gradients"),
}
"""Name -> the value that does not combine with sharding, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How a run trains. The defaults are the field's; ``hints.suggest`` fits them to data and device."""

    learning_rate: float = option(
        2e-4,
        label="Learning rate",
        why="How far each step moves the weights. Too high forgets and then diverges; too low learns nothing.",
        group="Schedule",
        level="simple",
        minimum=1e-8,
        maximum=1.0,
    )
    num_train_epochs: float = option(
        3.0,
        label="Epochs",
        why="How often each row is seen. Small sets need more passes; past that, rows are learned by heart.",
        group="Schedule",
        level="simple",
        unit="passes",
        minimum=0.01,
        maximum=1000,
    )
    max_steps: int | None = option(
        None,
        label="Steps",
        why="Ends the run after this many optimizer steps, whatever the epochs say. Empty: by epochs.",
        group="Schedule",
        unit="steps",
        minimum=1,
        maximum=10_000_000,
    )
    lr_scheduler_type: str = option(
        "cosine",
        label="Learning rate schedule",
        why="Cosine and linear let the rate fall to zero, which settles the weights at the end.",
        group="Schedule",
        choices=(("cosine", "Cosine"), ("linear", "Linear"), ("constant_with_warmup", "Constant after warm-up")),
    )
    warmup_ratio: float = option(
        0.03,
        label="Warm-up",
        why="The share of steps in which the rate rises from zero, so that first gradients do no harm.",
        group="Schedule",
        unit="share of steps",
        minimum=0.0,
        maximum=0.5,
    )
    per_device_train_batch_size: int = option(
        4,
        label="Batch size",
        why="Rows in one forward pass. More needs more memory and is seldom faster on a processor.",
        group="Batch",
        unit="rows",
        minimum=1,
        maximum=1024,
    )
    gradient_accumulation_steps: int = option(
        4,
        label="Gradient accumulation",
        why="Batches added up before one step. Batch size times this is the effective batch.",
        group="Batch",
        unit="batches",
        minimum=1,
        maximum=1024,
    )
    cutoff_len: int = option(
        2048,
        label="Cutoff length",
        why="Rows longer than this are cut at the end. Memory grows with it, so it follows your longest rows.",
        group="Data",
        level="simple",
        unit="tokens",
        minimum=8,
        maximum=32768,
    )
    train_on_answers_only: bool = option(
        True,
        label="Train on answers only",
        why="Only assistant turns are trained. Off: the prompts are learned as well.",
        group="Data",
    )
    num_processes: int = option(
        1,
        label="Processes",
        why="Each computes a share of every step; the effective batch grows with their number.",
        group="Batch",
        unit="processes",
        minimum=1,
        maximum=64,
    )
    sharding: str = option(
        UNSHARDED,
        label="Sharding",
        why="Several processes can share one model (FSDP) instead of a copy each: less memory for more exchange.",
        group="Batch",
        choices=((UNSHARDED, "A copy of the model in each process"), ("full", "Shared among the processes (FSDP)")),
    )
    packing: bool = option(
        False,
        label="Packing",
        why="Fills each sequence with several rows. Faster when rows are much shorter than the cutoff.",
        group="Data",
    )
    neftune_noise_alpha: float = option(
        0.0,
        label="NEFTune noise",
        why="Noise on the embeddings while training (arXiv 2310.05914); 5 is usual, 0 is off.",
        group="Data",
        minimum=0.0,
        maximum=100.0,
    )
    optim: str = option(
        "adamw_torch",
        label="Optimizer",
        why="AdamW is the usual one. Adafactor needs less memory for full fine-tuning.",
        group="Optimizer",
        choices=(("adamw_torch", "AdamW"), ("adamw_torch_fused", "AdamW, fused"), ("adafactor", "Adafactor")),
    )
    weight_decay: float = option(
        0.0,
        label="Weight decay",
        why="Pulls trained weights towards zero. With LoRA that means towards the base model.",
        group="Optimizer",
        minimum=0.0,
        maximum=1.0,
    )
    max_grad_norm: float = option(
        1.0,
        label="Gradient clipping",
        why="Gradients longer than this are shortened, so that one odd row cannot break the run.",
        group="Optimizer",
        minimum=0.0,
        maximum=1000.0,
    )
    precision: str = option(
        "auto",
        label="Precision",
        why="Automatic takes bf16 where the device has it in hardware. Scores are measured in fp32 where that fits.",
        group="Memory",
        choices=(("auto", "Automatic"), ("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "fp32")),
    )
    gradient_checkpointing: str = option(
        "auto",
        label="Gradient checkpointing",
        why="Computes activations twice to keep fewer of them. Automatic turns it on only where memory is short.",
        group="Memory",
        choices=_ON_OFF_AUTO,
    )
    dry_run: bool = option(
        True,
        label="Dry run first",
        why="Computes the longest batch once before step 1, so that memory that will not do is found at once.",
        group="Memory",
    )
    logging_steps: int = option(
        5,
        label="Log every",
        why="How often the training loss is written down.",
        group="Evaluation and checkpoints",
        unit="steps",
        minimum=1,
        maximum=100_000,
    )
    eval_steps: int | None = option(
        None,
        label="Evaluate every",
        why="Validation loss and forgetting are measured at these steps. Empty: about four times a run.",
        group="Evaluation and checkpoints",
        unit="steps",
        minimum=1,
        maximum=1_000_000,
    )
    task_metric: str = option(
        "auto",
        label="Task metric while training",
        why="Answers a few validation rows at each evaluation and judges them, and whether they keep the file's form.",
        group="Evaluation and checkpoints",
        choices=task_metrics.choices(),
    )
    task_rows: int = option(
        16,
        label="Rows answered for it",
        why="At most this many, fewer where answers are long: generating takes time. One of 16 rows is 6 points.",
        group="Evaluation and checkpoints",
        unit="rows",
        minimum=1,
        maximum=512,
    )
    choose_by: str = option(
        "eval_loss",
        label="Recommend by",
        why="Which checkpoint within the forgetting limit is the best. The loss is steadier than a few answered rows.",
        group="Evaluation and checkpoints",
        choices=(("eval_loss", "Validation loss"), ("task_score", "Task metric")),
    )
    save_steps: int | None = option(
        None,
        label="Save every",
        why="A run that is interrupted goes on from its last checkpoint. Empty: at each evaluation.",
        group="Evaluation and checkpoints",
        unit="steps",
        minimum=1,
        maximum=1_000_000,
    )
    save_total_limit: int = option(
        3,
        label="Checkpoints kept",
        why="The newest ones; the best is kept besides.",
        group="Evaluation and checkpoints",
        minimum=1,
        maximum=1000,
    )
    keep_best: bool = option(
        True,
        label="Keep the best checkpoint",
        why="Kept: the lowest validation loss of all, and the lowest within the forgetting limit, which is offered.",
        group="Evaluation and checkpoints",
    )
    early_stopping_patience: int = option(
        3,
        label="Stop early after",
        why="Ends the run when validation loss has not improved for this many evaluations; 0 never does.",
        group="Evaluation and checkpoints",
        unit="evaluations",
        minimum=0,
        maximum=1000,
    )
    stop_on_forgetting: bool = option(
        False,
        label="Stop on forgetting",
        why="Ends the run when a general probe falls past the forgetting limit; the best checkpoint within it is kept.",
        group="Evaluation and checkpoints",
    )
    replay_ratio: float = option(
        0.2,
        label="Replay ratio",
        why="How much of the training rows are replayed general rows, where a source of them is chosen below.",
        group="Against forgetting",
        unit="share of rows",
        minimum=0.0,
        maximum=0.9,
    )
    l2_to_start: float = option(
        0.0,
        label="L2-to-start",
        why="Pulls trained weights back to where they began (L2-SP); 0 is off. With LoRA nearly weight decay.",
        group="Against forgetting",
        minimum=0.0,
        maximum=1e6,
    )
    ewc: float = option(
        0.0,
        label="EWC",
        why="The same pull, strongest on the weights that replay rows depend on (Fisher diagonal); 0 is off.",
        group="Against forgetting",
        minimum=0.0,
        maximum=1e6,
    )
    seed: int = option(
        42,
        label="Seed",
        why="The same seed, data and settings give the same run.",
        group="Reproducibility",
        minimum=0,
        maximum=2**32 - 1,
    )

    def __post_init__(self) -> None:
        check(self, "training")
        for name, (value, why) in _REFUSED_BY_SHARDING.items():
            if self.sharding != UNSHARDED and getattr(self, name) == value:
                raise SpecError("training.sharding", f"not with {name} {value}: {why}", "Switch sharding off.")

    @property
    def effective_batch_size(self) -> int:
        """Rows behind one optimizer step."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps * self.num_processes

    def replay_rows(self, own: int) -> int:
        """How many replay rows make ``replay_ratio`` of all beside ``own`` rows."""
        return round(own * self.replay_ratio / (1 - self.replay_ratio))

    def total_steps(self, rows: int) -> int:
        """Optimizer steps of a run over ``rows`` rows without packing, counted as the trainer counts them."""
        if self.max_steps is not None:
            return self.max_steps
        batches = -(-rows // (self.per_device_train_batch_size * self.num_processes))
        steps_an_epoch = max(1, -(-batches // self.gradient_accumulation_steps))
        return max(1, -int(-(steps_an_epoch * self.num_train_epochs) // 1))

    def evaluation_steps(self, total: int) -> int:
        """Steps between two evaluations of a run of ``total`` steps: as asked, or about four a run."""
        return self.eval_steps or max(1, -(-total // 4))
