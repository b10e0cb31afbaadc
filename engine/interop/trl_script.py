"""A run as one plain Python file on trl and peft alone: to read what a run does, or to do it elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.errors import EngineError
from engine.methods.table import METHODS
from engine.training.spec import TrainingSpec

# Method -> (trl's names, where from, its own arguments from our options).
_TRAINERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "sft": ("SFT", "trl", {}),
    "cpt": ("SFT", "trl", {}),
    "dpo": ("DPO", "trl", {"dpo_beta": "beta", "dpo_loss": "loss_type", "label_smoothing": "label_smoothing"}),
    "kto": (
        "KTO",
        "trl",
        {
            "kto_beta": "beta",
            "desirable_weight": "desirable_weight",
            "undesirable_weight": "undesirable_weight",
        },
    ),
    "orpo": ("ORPO", "trl.experimental.orpo", {"orpo_lambda": "beta"}),
}
_PEFT = ("lora", "qlora", "ia3", "prompt_tuning", "prefix_tuning")

_SCRIPT = '''"""{title}

pip install trl peft datasets{more}
python {name} --model FOLDER --train train.jsonl [--validation validation.jsonl] [--output FOLDER]

Rows: JSON Lines in TRL's form, or chat rows (messages). {difference}
"""

import argparse

import torch
from datasets import load_dataset
{imports}from transformers import AutoModelForCausalLM, AutoTokenizer{quantised_import}
from {source} import {trainer}Config, {trainer}Trainer

SYSTEM_PROMPT = {system!r}

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--train", required=True)
parser.add_argument("--validation")
parser.add_argument("--output", default="output")
parser.add_argument("--max-steps", type=int, default={max_steps})
given = parser.parse_args()

on_cpu = not torch.cuda.is_available()
half = {half}


def as_rows(row):
    """Chat rows become a prompt and the last answer; the system prompt goes before rows that have none."""
    if "messages" in row:
        row = {{"prompt": row["messages"][:-1], "completion": row["messages"][-1:]}}
    if isinstance(row.get("prompt"), str):
        row = {{**row, "prompt": [{{"role": "user", "content": row["prompt"]}}]}}
        for side in ("completion", "chosen", "rejected"):
            if isinstance(row.get(side), str):
                row[side] = [{{"role": "assistant", "content": row[side]}}]
    prompt = row.get("prompt")
    if SYSTEM_PROMPT and prompt and all(turn["role"] != "system" for turn in prompt):
        row["prompt"] = [{{"role": "system", "content": SYSTEM_PROMPT}}, *prompt]
    return row


def read(path):
    rows = load_dataset("json", data_files=path, split="train")
    changed = [as_rows(row) for row in rows]
    return rows.from_list(changed)


tokenizer = AutoTokenizer.from_pretrained(given.model)
model = AutoModelForCausalLM.from_pretrained(
    given.model,
    dtype={dtype},{quantised}
)
{unpacked}{prepare}arguments = {trainer}Config(
    output_dir=given.output,
    max_steps=given.max_steps,
    use_cpu=on_cpu,
    bf16=half,
    fp16=False,
    eval_strategy="steps" if given.validation else "no",
    report_to="none",
    **{arguments},
)
trainer = {trainer}Trainer(
    model=model,
    args=arguments,
    train_dataset=read(given.train),
    eval_dataset=read(given.validation) if given.validation else None,
    processing_class=tokenizer,{peft_argument}
)
trainer.train()
trainer.save_model()
'''


_UNPACKED = """for module in model.modules():
    # On a processor the library would repack weights in the middle of a run, with coarser scales.
    if hasattr(module, "support_avx512bf16_for_cpu"):
        module.support_avx512bf16_for_cpu = False
"""


def export(spec: TrainingSpec, name: str = "train.py") -> str:
    """The script. Raises EngineError("Config") for what neither trl nor peft has."""
    if spec.method not in _TRAINERS:
        raise _refused(METHODS[spec.method].label)
    if spec.adapter not in (*_PEFT, "full"):
        raise _refused(ADAPTERS[spec.adapter].label)
    trainer, source, _ = _TRAINERS[spec.method]
    with_peft, packed = spec.adapter in _PEFT, spec.adapter == "qlora"
    precision = spec.training.precision
    return _SCRIPT.format(
        title=f"{METHODS[spec.method].label} with {ADAPTERS[spec.adapter].label}, from the workbench's settings.",
        name=name,
        more=" bitsandbytes" if packed else "",
        difference=_difference(spec),
        imports=f"from peft import {_peft_class(spec.adapter)}\n" if with_peft else "",
        quantised_import=", BitsAndBytesConfig" if packed else "",
        source=source,
        trainer=trainer,
        system=spec.data.system_prompt,
        max_steps=spec.training.max_steps or -1,
        half={"fp32": "False", "auto": "not on_cpu and torch.cuda.is_bf16_supported()"}.get(precision, "True"),
        # Trained weights stay in fp32; frozen ones are held in 16 bits where products are computed so.
        dtype="torch.bfloat16 if half else torch.float32" if with_peft else "torch.float32",
        quantised=_quantised(spec) if packed else "",
        unpacked=_UNPACKED if packed else "",
        prepare=f"peft_config = {_peft_config(spec)}\n" if with_peft else "",
        arguments=_literal(_arguments(spec)),
        peft_argument="\n    peft_config=peft_config," if with_peft else "",
    )


def _arguments(spec: TrainingSpec) -> dict[str, Any]:
    options = spec.training
    found = {
        "learning_rate": options.learning_rate,
        "num_train_epochs": options.num_train_epochs,
        "per_device_train_batch_size": options.per_device_train_batch_size,
        "gradient_accumulation_steps": options.gradient_accumulation_steps,
        "max_length": options.cutoff_len,
        "lr_scheduler_type": options.lr_scheduler_type,
        "warmup_steps": options.warmup_ratio,
        "optim": options.optim,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        "neftune_noise_alpha": options.neftune_noise_alpha or None,
        "gradient_checkpointing": options.gradient_checkpointing == "on",
        "logging_steps": options.logging_steps,
        "eval_steps": options.eval_steps or 100,
        "save_steps": options.save_steps or 100,
        "save_total_limit": options.save_total_limit,
        "seed": options.seed,
    }
    if spec.method in ("sft", "cpt"):
        found["packing"] = options.packing
    if spec.method == "sft":
        found["completion_only_loss"] = options.train_on_answers_only
    for ours, theirs in _TRAINERS[spec.method][2].items():
        value = getattr(spec.method_options, ours)
        found[theirs] = [value] if theirs == "loss_type" else value
    return found


def _peft_class(adapter: str) -> str:
    return {
        "ia3": "IA3Config",
        "prompt_tuning": "PromptTuningConfig",
        "prefix_tuning": "PrefixTuningConfig",
    }.get(adapter, "LoraConfig")


def _peft_config(spec: TrainingSpec) -> str:
    options = spec.adapter_options
    values: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    if spec.adapter in ("lora", "qlora"):
        values |= {
            "r": options.lora_rank,
            "lora_alpha": options.alpha,
            "lora_dropout": options.lora_dropout,
            "target_modules": list(options.target_names) or "all-linear",
            "use_rslora": options.use_rslora,
            "use_dora": options.use_dora,
        }
    elif spec.adapter != "ia3":
        values["num_virtual_tokens"] = next(iter(asdict(options).values()))
    return f"{_peft_class(spec.adapter)}(**{_literal(values)})"


def _quantised(spec: TrainingSpec) -> str:
    return (
        "\n    quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='nf4', "
        f"bnb_4bit_use_double_quant={spec.adapter_options.double_quant}),"
    )


def _literal(values: dict[str, Any]) -> str:
    """A dictionary as Python source, an entry a line; only numbers, texts, lists of them and None come here."""
    lines = "".join(f"        {name!r}: {value!r},\n" for name, value in values.items())
    return "{\n" + lines + "    }"


def _difference(spec: TrainingSpec) -> str:
    said = ["No probes, no dry run, no checkpoint within a forgetting limit: those are the workbench's."]
    if spec.method == "sft":
        said.append("Of a conversation only the last answer is trained.")
    return " ".join(said)


def _refused(label: str) -> EngineError:
    return EngineError("Config", f"{label} has no plain trl script.", "It needs the workbench's own code.")
