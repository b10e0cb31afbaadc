"""The adapter alone, as it was trained: a small file that is loaded beside its base model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.adapters.table import ADAPTERS

if TYPE_CHECKING:
    from engine.export.work import Work

TITLE = "Adapter"
ABOUT = "The trained weights alone, a few megabytes, with tokenizer and chat template; loaded beside the base model."
PRECISIONS = (("as trained", "As trained"),)


def refusal(adapter: str, base: Path) -> str:
    if ADAPTERS[adapter].trains_base:
        return "This run trained the model's own weights: there is no adapter. Export the whole model."
    return ""


def write(work: Work) -> None:
    """Copies the checkpoint's adapter; its configuration names the base model and no folder of this machine."""
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.copyfile(work.spec.checkpoint / name, work.out / name)
    path = work.out / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = work.spec.base_name
    path.write_text(json.dumps(config, indent=2))
    work.copy_tokenizer()


def reopen(folder: Path, base: Path) -> tuple[Any, Any]:
    from engine.evaluation.weights import attach
    from engine.export.merging import load_exact, load_tokenizer

    return attach(load_exact(base), folder), load_tokenizer(folder)
