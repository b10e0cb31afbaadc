"""One contender of the training bench, in a process of its own: ``python -m benchmarks.trainers NAME FOLDER``.

All train the same LoRA on the same token ids from the same seed, so they see the same rows in the same order; what
differs is who conducts the steps. Prints one JSON line: seconds by the clock and of processor inside the steps,
tokens, losses.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED, RANK, RATE, CUTOFF, BATCH = 42, 16, 1e-3, 512, 4


class Clock:
    """Seconds between the first step's begin and the last step's end. A library's callback."""

    def __init__(self) -> None:
        from transformers import TrainerCallback

        class Between(TrainerCallback):
            def on_train_begin(_, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                self.begun = (time.monotonic(), time.process_time())

            def on_log(_, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
                if "loss" in (logs or {}):
                    self.losses.append(float(logs["loss"]))

            def on_train_end(_, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                self.wall, self.cpu = time.monotonic() - self.begun[0], time.process_time() - self.begun[1]

        self.losses: list[float] = []
        self.callback = Between()

    def told(self, **more: Any) -> dict[str, Any]:
        return {"wall": self.wall, "cpu": self.cpu, "losses": self.losses, **more}


def workbench(folder: Path, name: str, precision: str) -> dict[str, Any]:
    """``python -m engine train``, its event log on, each step logged."""
    from engine import events
    from engine.__main__ import main

    run_dir = folder / name
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir()
    given = json.loads((folder / "given.json").read_text())
    spec = {
        "schema_version": 1,
        "model": {"path": given["model"]},
        "data": {"train": given["rows"]},
        "adapter": "lora",
        "adapter_options": {"lora_rank": RANK, "lora_alpha": 2 * RANK, "lora_dropout": 0.0},
        "training": {
            "learning_rate": RATE,
            "max_steps": given["steps"],
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": 1,
            "cutoff_len": CUTOFF,
            "logging_steps": 1,
            "warmup_ratio": 0.0,
            "precision": precision,
            "gradient_checkpointing": "off",
            "dry_run": False,
            "seed": SEED,
        },
        "probes": {"suites": []},
    }
    (run_dir / "spec.json").write_text(json.dumps(spec))
    if main(["train", str(run_dir)]):
        raise SystemExit(f"the engine's run failed: {run_dir / 'events.jsonl'}")
    told, _ = events.read(run_dir / "events.jsonl")
    done = next(event for event in told if event["kind"] == "done")
    losses = [event["loss"] for event in told if event["kind"] == "metric" and "loss" in event]
    steps = [event for event in told if event["kind"] in ("metric", "progress")]
    return {
        "wall": done["seconds"],
        "cpu": done["cpu_seconds"],
        "losses": losses,
        "tokens": done["tokens"],
        "events": len(steps),
    }


def trl(folder: Path, weights: str, half: bool, checkpointing: bool) -> dict[str, Any]:
    """trl's SFTTrainer on the very ids and labels of the workbench."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from engine.adapters import lora

    given = json.loads((folder / "given.json").read_text())
    rows = json.loads((folder / "encoded.json").read_text())
    set_seed(SEED)
    model = AutoModelForCausalLM.from_pretrained(given["model"], dtype=getattr(torch, weights))
    model = lora.attach(model, lora.Options(lora_rank=RANK, lora_alpha=2 * RANK, lora_dropout=0.0))
    arguments = SFTConfig(
        output_dir=str(folder / "trl"),
        max_steps=given["steps"],
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        lr_scheduler_type="cosine",
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=half,
        gradient_checkpointing=checkpointing,
        max_length=None,
        seed=SEED,
        data_seed=SEED,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    clock = Clock()
    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    trainer = SFTTrainer(model, arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(clock.callback)
    trainer.train()
    return clock.told()


def llama_factory(folder: Path, model: str, half: bool) -> dict[str, Any]:
    """LLaMA-Factory's own conduct of a run, from the folder that ``WORKBENCH_BENCH_PEERS`` names."""
    sys.path.insert(0, os.environ["WORKBENCH_BENCH_PEERS"])
    from datasets import Dataset, DatasetDict
    from llamafactory.train.tuner import run_exp

    given = json.loads((folder / "given.json").read_text())
    rows = json.loads((folder / "encoded.json").read_text())
    ids = Dataset.from_list([row | {"attention_mask": [1] * len(row["labels"])} for row in rows])
    DatasetDict({"train": ids}).save_to_disk(str(folder / "tokenized"))
    shutil.rmtree(folder / "llama_factory", ignore_errors=True)
    clock = Clock()
    arguments = {
        "stage": "sft",
        "do_train": True,
        "model_name_or_path": given[model],
        "dataset": "rows",  # asked for, and not read: the ids are there
        "tokenized_path": str(folder / "tokenized"),
        "template": "smollm2",
        "finetuning_type": "lora",
        "lora_rank": RANK,
        "lora_alpha": 2 * RANK,
        "lora_dropout": 0.0,
        "lora_target": "all",
        "cutoff_len": CUTOFF,
        "use_cpu": True,
        "per_device_train_batch_size": BATCH,
        "gradient_accumulation_steps": 1,
        "max_steps": given["steps"],
        "learning_rate": RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0,
        "logging_steps": 1,
        "seed": SEED,
        "output_dir": str(folder / "llama_factory"),
        "save_strategy": "no",
        "report_to": "none",
        "bf16": half,
        "disable_gradient_checkpointing": True,
        "data_seed": SEED,
        "overwrite_cache": True,
    }
    run_exp(arguments, [clock.callback])
    return clock.told()


def weigh(folder: Path) -> dict[str, Any]:
    """The loss of both of the workbench's results on the rows, in fp32."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    given = json.loads((folder / "given.json").read_text())
    rows = json.loads((folder / "encoded.json").read_text())[:40]
    found = {}
    for name in ("workbench", "workbench_fp32"):
        model = AutoModelForCausalLM.from_pretrained(given["model"], dtype=torch.float32)
        checkpoint = max((folder / name / "checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
        model = PeftModel.from_pretrained(model, checkpoint).eval()
        with torch.inference_mode():
            losses = [float(model(**{key: torch.tensor([row[key]]) for key in row}).loss) for row in rows]
        found[name] = sum(losses) / len(losses)
    return found


def peak(folder: Path) -> dict[str, Any]:
    """The fastest of some large matrix products, in operations a second; the model's weights in body and head."""
    import torch

    from engine.decision.shapes import read_shape

    found: dict[str, Any] = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        one, other = (torch.randn(4096, 4096, dtype=dtype) for _ in range(2))
        seconds = []
        for _ in range(6):
            begun = time.monotonic()
            one @ other
            seconds.append(time.monotonic() - begun)
        found[name] = 2 * 4096**3 / min(seconds)
    shape = read_shape(Path(json.loads((folder / "given.json").read_text())["model"]))
    return found | {"body": shape.matrix_parameters, "head": shape.hidden * shape.vocabulary}


# name → what is trained how
CONTENDERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "workbench": lambda folder: workbench(folder, "workbench", "auto"),
    "workbench_fp32": lambda folder: workbench(folder, "workbench_fp32", "fp32"),
    "trl_defaults": lambda folder: trl(folder, "float32", half=True, checkpointing=True),
    "trl_same": lambda folder: trl(folder, "bfloat16", half=True, checkpointing=False),
    "trl_fp32": lambda folder: trl(folder, "float32", half=False, checkpointing=False),
    "llama_factory": lambda folder: llama_factory(folder, "model", half=True),
    # Without a word on precision it takes the weights as the model's folder has them.
    "llama_factory_plain": lambda folder: llama_factory(folder, "model", half=False),
    "llama_factory_fp32": lambda folder: llama_factory(folder, "model_fp32", half=False),
    "weigh": weigh,
    "peak": peak,
}

if __name__ == "__main__":
    print("\n" + json.dumps(CONTENDERS[sys.argv[1]](Path(sys.argv[2]))), flush=True)
