"""TrainingOptions in transformers' own words. What the workbench does itself (evaluating, saving) is off there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.training import ranks
from engine.training.checkpoints import FOLDER
from engine.training.plan import Plan
from engine.training.spec import TrainingOptions


def common_arguments(options: TrainingOptions, plan: Plan, run_dir: Path) -> dict[str, Any]:
    """Keyword arguments for any of trl's configuration classes."""
    on_cpu = plan.device == "cpu"
    return {
        "output_dir": str(run_dir / FOLDER),
        "learning_rate": options.learning_rate,
        "num_train_epochs": options.num_train_epochs,
        "max_steps": options.max_steps or -1,
        "lr_scheduler_type": options.lr_scheduler_type,
        "warmup_steps": options.warmup_ratio,  # below 1 it is read as a share of all steps
        "per_device_train_batch_size": options.per_device_train_batch_size,
        "per_device_eval_batch_size": options.per_device_train_batch_size,
        "gradient_accumulation_steps": options.gradient_accumulation_steps,
        "neftune_noise_alpha": options.neftune_noise_alpha or None,
        "optim": options.optim,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        "use_cpu": on_cpu,
        # Autocast is entered explicitly where the loss is computed: the library's own would stay on while measuring.
        "bf16": False,
        "fp16": plan.fp16,
        "gradient_checkpointing": plan.checkpointing,
        "logging_strategy": "steps",
        "logging_steps": options.logging_steps,
        "logging_first_step": True,
        # A loss that is no number must be seen, not replaced by the mean of the others.
        "logging_nan_inf_filter": False,
        "eval_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "ddp_backend": "gloo" if on_cpu and ranks.world() > 1 else None,
        "ddp_find_unused_parameters": False if ranks.world() > 1 else None,
        "ddp_timeout": ranks.PATIENCE_S,
        "disable_tqdm": True,
        "dataloader_pin_memory": not on_cpu,
        "seed": options.seed,
        "data_seed": options.seed,
    }
