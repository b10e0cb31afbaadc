"""Registering a folder as a base model: read its config, count its parameters, keep its facts."""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

from models_app.models import BaseModel
from projects_app.models import Project


class NotAModel(Exception):
    """The folder cannot serve as a base model; the text says what is missing and what to do."""


def register(folder: Path, *, name: str = "", stored_as: str = "", project: Project | None = None) -> BaseModel:
    """Makes or refreshes the row of a model folder. Only safetensors count as weights: a pickle is never opened.
    With ``project`` it is that project's own. Raises NotAModel, also where another project has the name."""
    config = _read_json(folder, "config.json")
    if not (folder / "tokenizer.json").is_file():
        raise NotAModel(
            f"{folder} has no tokenizer.json. Save the model with its tokenizer (save_pretrained) and try again."
        )
    parameters = count_parameters(folder)
    facts: dict[str, Any] = {}
    if (folder / "workbench.json").is_file():
        facts = _read_json(folder, "workbench.json")
    called = name or str(facts.get("name") or folder.name)
    if BaseModel.objects.filter(name=called).exclude(project=project).exists():
        raise NotAModel(
            f"A model of another project, or everybody's, is called {called} already. Give it another name."
        )
    found, _ = BaseModel.objects.update_or_create(
        name=called,
        project=project,
        defaults={
            "folder": stored_as or str(folder),
            "licence": str(facts.get("licence") or ""),
            "about": facts,
            "parameters": parameters,
            "context_length": int(config.get("max_position_embeddings") or 2048),
            "config": config,
        },
    )
    return found


def count_parameters(folder: Path) -> int:
    """The number of weights, from the safetensors headers alone. Raises NotAModel when there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise NotAModel(
            f"{folder} has no .safetensors file. Other weight formats can run code when opened and are refused."
        )
    return sum(
        prod(tensor["shape"]) for file in files for name, tensor in _header(file).items() if name != "__metadata__"
    )


def _header(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > 100 << 20:
            raise NotAModel(f"{file} is not a safetensors file.")
        header: dict[str, Any] = json.loads(stream.read(length))
        return header


def _read_json(folder: Path, filename: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / filename).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotAModel(f"{folder} has no {filename}: it is not a model folder.") from None
    except ValueError as error:
        raise NotAModel(f"{folder / filename} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise NotAModel(f"{folder / filename} is not a JSON object.")
    return found
