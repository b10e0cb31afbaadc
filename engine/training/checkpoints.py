"""Checkpoints on disk: ``checkpoints/step-N`` is whole or not there; beside the weights lies what resuming needs."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError, Reason

FOLDER = "checkpoints"
MEMORY = "workbench.json"
_REASONS: dict[str, Reason] = {"configuration": "Config", "model": "Model", "teacher": "Model"}
# Of several processes: rng_state_1.pth, and of those that share a model: optimizer_1.pt.
_OPTIMIZER = ("optimizer.pt", "optimizer_*.pt", "scheduler.pt", "rng_state*.pth", "scaler.pt")
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")


@dataclass(slots=True)
class Memory:
    """What a run knows about itself besides weights and optimizer; it goes into every checkpoint."""

    fingerprint: dict[str, str] = field(default_factory=dict)
    """Hashes of configuration, training rows, validation rows and base model."""
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    trained_seconds: float = 0.0
    """Of the steps alone, measuring and saving left out."""
    baseline: dict[str, float] = field(default_factory=dict)
    """"suite/measure" -> score at step 0."""
    sizes: dict[str, int] = field(default_factory=dict)
    """"suite/measure" -> rows it rests on."""
    best_step: int | None = None
    best_loss: float | None = None
    measuring: dict[str, float] = field(default_factory=dict)
    """Seconds spent on validation, task and probes after step 0."""
    stale: int = 0
    """Evaluations since the validation loss improved."""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """str(step) -> scores measured there."""

    def write(self, folder: Path) -> None:
        path = folder / MEMORY
        path.with_suffix(".part").write_text(json.dumps(asdict(self), indent=1))
        path.with_suffix(".part").replace(path)


def step_of(folder: Path) -> int:
    """The step in a checkpoint's folder name; -1 when it is none."""
    match = re.fullmatch(r"step-(\d+)", folder.name)
    return int(match[1]) if match else -1


def whole(run_dir: Path) -> list[Path]:
    """Checkpoints that can be resumed or used, oldest first."""
    folders = [folder for folder in (run_dir / FOLDER).glob("step-*") if step_of(folder) >= 0]
    return sorted((folder for folder in folders if (folder / MEMORY).is_file()), key=step_of)


def latest(run_dir: Path) -> tuple[Path, Memory] | None:
    """The newest checkpoint that can be resumed, with its memory. Half-written folders are cleared away."""
    for leaving in (run_dir / FOLDER).glob("checkpoint-*"):
        shutil.rmtree(leaving, ignore_errors=True)
    for folder in reversed(whole(run_dir)):
        if (folder / _OPTIMIZER[0]).is_file() and (folder / "trainer_state.json").is_file():
            return folder, Memory(**json.loads((folder / MEMORY).read_text()))
    return None


def require_same(found: dict[str, str], memory: Memory) -> None:
    """Refuses to go on with other data, another model or another configuration. Raises EngineError."""
    for name, value in found.items():
        if memory.fingerprint.get(name) != value:
            raise EngineError(
                _REASONS.get(name, "Data"),
                f"The {name} changed since the checkpoint at step {memory.step} was saved; it cannot be resumed.",
                "Start a new run with the changed settings, or put the old ones back.",
            )


def prune(run_dir: Path, keep: int, chosen: Collection[int | None]) -> list[int]:
    """Keeps the newest ``keep`` and the chosen steps (the best, the recommended one); all but the newest lose their
    optimizer state. Returns removed steps."""
    folders = whole(run_dir)
    kept = {step_of(folder) for folder in folders[-keep:]} | set(chosen)
    removed = []
    for folder in folders[:-1]:
        if step_of(folder) in kept:
            for path in [each for name in _OPTIMIZER for each in folder.glob(name)]:
                path.unlink()
        else:
            shutil.rmtree(folder)
            removed.append(step_of(folder))
    return removed


def weights_digest(folder: Path) -> str:
    """SHA-256 of the checkpoint's weights: of the one file, or of all shards in the order of their names."""
    digest = hashlib.sha256()
    names = [name for name in _WEIGHTS if (folder / name).is_file()]
    files = [folder / names[0]] if names and names[0].endswith(".safetensors") else sorted(folder.glob("*.safetensors"))
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def fingerprint(
    configuration: str, model: Path, files: dict[str, Path | None], teacher: Path | None = None
) -> dict[str, str]:
    """What must not change between a checkpoint and its resumption."""
    found = {"configuration": configuration, "model": model_digest(model)}
    if teacher is not None:
        found["teacher"] = model_digest(teacher)
    for name, path in files.items():
        if path is not None:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def model_digest(folder: Path) -> str:
    """Config and, of each weights file, name, size and head: enough to tell models apart without reading gigabytes."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(f"{path.name} {path.stat().st_size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))
    return digest.hexdigest()


def scores_at(memory: Memory, step: int) -> dict[str, Any]:
    return dict(memory.scores.get(str(step), {}))
