"""Axolotl's YAML, out and in. What has no place on the other side is listed with the reason, never dropped silently.

Names are those of Axolotl's configuration reference; where it spells a thing several ways the newest is written and all
are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engine.adapters.table import ADAPTERS, ALL_LINEAR
from engine.errors import EngineError
from engine.methods.table import METHODS
from engine.training.options import OptionField, SpecError, describe, parse
from engine.training.spec import TrainingOptions, TrainingSpec

LARGEST = 200_000
"""Characters; a configuration is a page long."""
_RL = {"dpo": "dpo", "orpo": "orpo", "kto": "kto", "ipo": "dpo"}
_ADAPTERS = {"lora": "lora", "qlora": "qlora", "": "full"}

# Our option -> Axolotl's names, the one that is written first.
TRAINING: dict[str, tuple[str, ...]] = {
    "learning_rate": ("learning_rate",),
    "num_train_epochs": ("num_epochs",),
    "max_steps": ("max_steps",),
    "lr_scheduler_type": ("lr_scheduler",),
    "warmup_ratio": ("warmup_ratio",),
    "per_device_train_batch_size": ("micro_batch_size",),
    "gradient_accumulation_steps": ("gradient_accumulation_steps",),
    "cutoff_len": ("sequence_len",),
    "packing": ("sample_packing",),
    "neftune_noise_alpha": ("neftune_noise_alpha",),
    "optim": ("optimizer",),
    "weight_decay": ("weight_decay",),
    "max_grad_norm": ("max_grad_norm",),
    "logging_steps": ("logging_steps",),
    "eval_steps": ("eval_steps",),
    "save_steps": ("save_steps",),
    "save_total_limit": ("save_total_limit",),
    "early_stopping_patience": ("early_stopping_patience",),
    "seed": ("seed",),
}
METHOD: dict[str, tuple[str, ...]] = {
    "dpo_beta": ("rl_beta", "dpo_beta"),
    "kto_beta": ("rl_beta",),
    "label_smoothing": ("dpo_label_smoothing",),
    "desirable_weight": ("kto_desirable_weight",),
    "undesirable_weight": ("kto_undesirable_weight",),
    "orpo_lambda": ("orpo_alpha",),
}
ADAPTER: dict[str, tuple[str, ...]] = {
    "lora_rank": ("lora_r",),
    "lora_alpha": ("lora_alpha",),
    "lora_dropout": ("lora_dropout",),
    "use_rslora": ("peft_use_rslora",),
    "use_dora": ("peft_use_dora",),
}
_READ_ELSEWHERE = {
    "base_model": "the base model is chosen in the form",
    "datasets": "the data is a split, chosen in the form",
    "test_datasets": "validation rows come from the split",
    "val_set_size": "validation rows come from the split",
    "output_dir": "a run keeps its files in a folder of its own",
    "load_in_4bit": "follows from the adapter",
    "load_in_8bit": "8-bit base weights are not offered here",
}
_NOT_THERE = {
    "keep_best": "keep the best checkpoint",
    "dry_run": "dry run first",
    "stop_on_forgetting": "stop on forgetting",
    "l2_to_start": "L2-to-start",
    "ewc": "EWC",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line without a place on the other side."""

    name: str
    value: str
    why: str

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "value": self.value, "why": self.why}


@dataclass(slots=True)
class Imported:
    """What an Axolotl file says in our words: sections hold only what it names."""

    method: str = "sft"
    adapter: str = "full"
    training: dict[str, Any] = field(default_factory=dict)
    method_options: dict[str, Any] = field(default_factory=dict)
    adapter_options: dict[str, Any] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


def export(spec: TrainingSpec, *, train: str = "train.jsonl", validation: str = "validation.jsonl") -> str:
    """The run as Axolotl's YAML, on rows in OpenAI's or TRL's form under the given names.

    Raises EngineError("Config") for a method or an adapter Axolotl does not have.
    """
    adapter = next((theirs for theirs, ours in _ADAPTERS.items() if ours == spec.adapter), None)
    if adapter is None:
        raise _not_there("What trains", ADAPTERS[spec.adapter].label)
    if spec.method not in ("sft", "cpt", *_RL.values()):
        raise _not_there("Method", METHODS[spec.method].label)
    document: dict[str, Any] = {"base_model": spec.model.name or Path(spec.model.path).name}
    if spec.method in _RL.values():
        ipo = spec.method == "dpo" and spec.method_options.dpo_loss == "ipo"
        document["rl"] = "ipo" if ipo else spec.method
    document["datasets"] = [_dataset(spec.method, train)]
    if spec.data.validation:
        document["test_datasets"] = [_dataset(spec.method, validation)]
    document |= _written(TRAINING, spec.training) | _written(METHOD, spec.method_options)
    document["train_on_inputs"] = not spec.training.train_on_answers_only
    document |= _precision(spec.training.precision)
    if spec.training.gradient_checkpointing != "auto":
        document["gradient_checkpointing"] = spec.training.gradient_checkpointing == "on"
    if adapter:
        document |= {"adapter": adapter, "load_in_4bit": adapter == "qlora"} | _written(ADAPTER, spec.adapter_options)
        document["lora_alpha"] = spec.adapter_options.alpha
        names = list(spec.adapter_options.target_names)
        document |= {"lora_target_modules": names} if names else {"lora_target_linear": True}
    document["output_dir"] = "./outputs"
    return _notes(spec) + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def read(text: str) -> Imported:
    """An Axolotl file in our words. Raises EngineError("Config") when it is no YAML mapping, or holds aliases (a small
    file can blow up by them)."""
    document = _load(text)
    found = Imported()
    rest = dict(document)
    if rest.get("rl") == "ipo":
        found.method_options["dpo_loss"] = "ipo"
    found.method = _method(rest, found.left_out)
    found.adapter = _adapter(rest, found.left_out)
    method, adapter = METHODS[found.method].options(), ADAPTERS[found.adapter].options()
    _special(rest, found)
    for table, options, section in (
        (TRAINING, TrainingOptions, found.training),
        (METHOD, method, found.method_options),
        (ADAPTER, adapter, found.adapter_options),
    ):
        _take(rest, table, options, section, found.left_out)
    for name, value in rest.items():
        why = _READ_ELSEWHERE.get(str(name), "there is no such setting here")
        found.left_out.append(LeftOut(str(name)[:80], _short(value), why))
    return found


def _load(text: str) -> dict[Any, Any]:
    if len(text) > LARGEST:
        raise EngineError("Config", f"The file has {len(text):,} characters.", f"Give at most {LARGEST:,}.")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise EngineError("Config", "The file uses YAML aliases (*name).", "Write the values out.")
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise EngineError("Config", f"This is no YAML: {str(error)[:300]}", "Paste the file as it is.") from error
    if not isinstance(document, dict):
        raise EngineError("Config", "The file is no list of settings.", "Paste an Axolotl configuration.")
    return document


def _take(
    rest: dict[Any, Any],
    table: Mapping[str, tuple[str, ...]],
    options: type[Any],
    section: dict[str, Any],
    left_out: list[LeftOut],
) -> None:
    """Moves what ``table`` knows from ``rest`` into ``section``, checked by the option's own rules."""
    known = {item.name: item for item in describe(options)}
    for ours, names in table.items():
        theirs = next((name for name in names if name in rest), None)
        if theirs is None or ours not in known:
            continue
        value = _as_kind(known[ours], rest.pop(theirs))
        try:
            section[ours] = getattr(parse(options, {ours: value}, "here"), ours)
        except SpecError as error:
            left_out.append(LeftOut(theirs, _short(value), f"{error.found}. {error.remedy}"))


def _as_kind(item: OptionField, value: Any) -> Any:
    """YAML reads 2e-4 as a text, and 1 as a whole number."""
    if item.kind in ("int", "float") and not isinstance(value, bool):
        reader: Callable[[Any], Any] = int if item.kind == "int" else float
        try:
            return reader(value) if isinstance(value, (str, int, float)) and reader(value) == float(value) else value
        except (ValueError, OverflowError):
            return value
    if item.name == "lr_scheduler_type" and value in ("constant", "constant_with_warmup"):
        return "constant_with_warmup"
    return value


def _special(rest: dict[Any, Any], found: Imported) -> None:
    """Settings that are one here and several there, or the other way round."""
    if isinstance(rest.get("train_on_inputs"), bool):
        found.training["train_on_answers_only"] = not rest.pop("train_on_inputs")
    checkpointing = rest.get("gradient_checkpointing")
    if isinstance(checkpointing, bool) or checkpointing in ("unsloth", "offload"):
        found.training["gradient_checkpointing"] = "on" if rest.pop("gradient_checkpointing") else "off"
    for name in ("bf16", "fp16"):
        value = rest.pop(name, None)
        if value in (True, "true", "full"):
            found.training["precision"] = name
        elif value not in (None, False, "auto", "false"):
            found.left_out.append(LeftOut(name, _short(value), "give true, false or auto"))
    if found.adapter != "full":
        names = rest.get("lora_target_modules")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            rest.pop("lora_target_modules")
            _take(
                {"t": ", ".join(names)},
                {"target_modules": ("t",)},
                ADAPTERS["lora"].options(),
                found.adapter_options,
                found.left_out,
            )
        if rest.get("lora_target_linear") is True:
            rest.pop("lora_target_linear")
            found.adapter_options["target_modules"] = ALL_LINEAR


def _method(rest: dict[Any, Any], left_out: list[LeftOut]) -> str:
    asked = rest.pop("rl", None)
    if asked in _RL:
        return _RL[str(asked)]
    if asked:
        left_out.append(LeftOut("rl", _short(asked), f"known here: {', '.join(_RL)}"))
    datasets = rest.get("datasets")
    kinds = (
        {str(one.get("type", "")) for one in datasets if isinstance(one, dict)} if isinstance(datasets, list) else set()
    )
    return "cpt" if kinds == {"completion"} else "sft"


def _adapter(rest: dict[Any, Any], left_out: list[LeftOut]) -> str:
    asked = rest.pop("adapter", None) or ""
    if asked in _ADAPTERS:
        return _ADAPTERS[str(asked)]
    left_out.append(LeftOut("adapter", _short(asked), "known here: lora, qlora, or none for full fine-tuning"))
    return "lora"


def _written(table: Mapping[str, tuple[str, ...]], options: Any) -> dict[str, Any]:
    """Their name -> our value, of what is set."""
    known = ((names[0], getattr(options, ours, None)) for ours, names in table.items())
    return {name: value for name, value in known if value is not None}


def _dataset(method: str, path: str) -> dict[str, Any]:
    kinds = {"cpt": {"type": "completion", "field": "text"}, "dpo": {"type": "chat_template.default"}}
    kinds |= {"orpo": {"type": "chat_template.argilla"}, "kto": {"type": "chat_template.argilla"}}
    return {"path": path, "ds_type": "json", "split": "train", **kinds.get(method, {"type": "chat_template"})}


def _precision(precision: str) -> dict[str, Any]:
    return {"fp16": True} if precision == "fp16" else {"bf16": {"auto": "auto", "bf16": True}.get(precision, False)}


def _notes(spec: TrainingSpec) -> str:
    """What this run does that Axolotl does not, as comments above the settings."""
    differs = [words for name, words in _NOT_THERE.items() if getattr(spec.training, name)]
    lines = ["# For Axolotl. Rows: download the version in OpenAI's form (preferences and texts: TRL's form)."]
    if differs:
        lines.append(f"# Not in Axolotl: {', '.join(differs)}.")
    if spec.data.system_prompt:
        lines.append("# The project's system prompt is not in the rows; put it before those without one.")
    return "\n".join(lines) + "\n"


def _not_there(what: str, label: str) -> EngineError:
    return EngineError("Config", f"{what}: Axolotl has no {label}.", "Export the run as it is, from its record.")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
