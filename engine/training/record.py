"""The repeatability record: what a run directory holds so that the run can be done again, and checked to be the same.

``spec.json`` says what was asked. This adds ``environment.json`` (code, packages, device, data and model, each by its
digest) and ``rows/PART.ids``, the identity of every row in the order of its file.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from engine import device as machine
from engine.data.examples import iterate
from engine.training.spec import TrainingSpec

SCHEMA_VERSION = 2
ENVIRONMENT, ROWS = "environment.json", "rows"
# What libraries read that changes how they compute. Nothing else of the environment is written down: it holds keys.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "CUBLAS_WORKSPACE_CONFIG",
    "PYTORCH_CUDA_ALLOC_CONF", "HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM",
    "WORLD_SIZE",
)  # fmt: skip
_CODE = Path(__file__).resolve().parents[2]


def write(run_dir: Path, spec: TrainingSpec, plan: dict[str, Any], fingerprint: dict[str, str]) -> None:
    """``plan`` is how the run computes; ``fingerprint`` are the digests that a resumption is checked by."""
    parts = {"train": spec.data.train, "validation": spec.data.validation, "replay": spec.data.replay}
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "workbench": code(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": packages(),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "device": machine.describe().to_json(),
        "plan": plan,
        "effective_batch_size": spec.training.effective_batch_size,
        "seed": spec.training.seed,
        "fingerprint": fingerprint,
        "data": {
            **_source(Path(spec.data.train)),
            "parts": {name: _part(run_dir, name, Path(path)) for name, path in parts.items() if path},
        },
        "model": _model(Path(spec.model.path), spec.model.name),
    }
    if spec.probes.files:
        there = [file for file in spec.probes.files if Path(file.path).is_file()]
        document["probes"] = {file.key: sha256(Path(file.path)) for file in there}
    if spec.teacher:
        document["teacher"] = _model(Path(spec.teacher.path), spec.teacher.name)
    document["earlier"] = _earlier(run_dir, document)
    partial = run_dir / f"{ENVIRONMENT}.part"
    partial.write_text(json.dumps(document, indent=1))
    partial.replace(run_dir / ENVIRONMENT)


def _earlier(run_dir: Path, document: dict[str, Any]) -> list[dict[str, Any]]:
    """What this run was computed with before it was resumed, where that differs: code, packages, device."""
    try:
        before = json.loads((run_dir / ENVIRONMENT).read_text())
    except (OSError, ValueError):
        return []
    told = {name: before.get(name) for name in ("workbench", "python", "packages", "device", "plan")}
    known: list[dict[str, Any]] = before.get("earlier", [])
    alike = all(_still(told[name]) == _still(document[name]) for name in told)
    return known if alike else [*known, told]


def _still(value: Any) -> Any:
    """Without what is another figure at each look."""
    return {name: item for name, item in value.items() if name != "free_bytes"} if isinstance(value, dict) else value


@cache
def packages() -> dict[str, str]:
    """Every installed distribution and its version, by name."""
    found = {(dist.metadata["Name"] or "").lower(): dist.version for dist in metadata.distributions()}
    return {name: found[name] for name in sorted(found) if name}


@cache
def code() -> dict[str, Any]:
    """The git commit of the workbench and whether files differ from it (None without git), and the SHA-256 of the
    engine's own source files, which holds in any case."""
    digest = hashlib.sha256()
    for path in sorted((_CODE / "engine").rglob("*.py")):
        digest.update(str(path.relative_to(_CODE)).encode() + b"\0" + path.read_bytes())
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {
        "commit": commit or None,
        "changed": None if changed is None else bool(changed),
        "engine_sha256": digest.hexdigest(),
    }


def _git(*arguments: str) -> str | None:
    """What git says of the folder the code lies in; None when it is no checkout, or there is no git."""
    if not (_CODE / ".git").exists():  # an installed copy inside somebody else's repository is not that repository
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(_CODE), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _source(train: Path) -> dict[str, Any]:
    """What the split wrote about itself beside its files: the SHA-256 of the version it parted, its seed, its way."""
    try:
        found = json.loads((train.parent / "result.json").read_text(encoding="utf-8"))
        names = ("source_sha256", "seed", "strategy", "column", "fractions")
        known = {name: found[name] for name in names if name in found}
    except (OSError, ValueError, TypeError):
        return {"version_sha256": None, "split": None}
    return {"version_sha256": known.pop("source_sha256", None), "split": known}


def _part(run_dir: Path, name: str, file: Path) -> dict[str, Any]:
    """The file's digest, and its row identities in ``rows/NAME.ids``: the split's own, else read from the rows."""
    target = run_dir / ROWS / f"{name}.ids"
    target.parent.mkdir(exist_ok=True)
    beside = file.with_suffix(".ids")
    if beside.is_file():
        shutil.copyfile(beside, target)
    else:
        rows_of = iterate(file, skip_unusable=name == "replay")  # of a source, what cannot be used is left out
        target.write_text("".join(f"{row.row_id}\n" for row in rows_of))
    with target.open("rb") as ids:
        rows = sum(1 for _ in ids)
    return {
        "file": file.name,
        "sha256": sha256(file),
        "rows": rows,
        "row_ids": f"{ROWS}/{target.name}",
        "row_ids_sha256": sha256(target),
    }


def _model(folder: Path, name: str) -> dict[str, Any]:
    """The model's files with their sizes, and their digests where its card has them (weights may be many gigabytes)."""
    try:
        card = json.loads((folder / "workbench.json").read_text(encoding="utf-8"))
        digests = {file: facts["sha256"] for file, facts in card["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        digests = {}
    files = {}
    for path in sorted(folder.glob("*")):
        if path.suffix in (".safetensors", ".json", ".jinja"):
            small = path.suffix != ".safetensors"
            files[path.name] = {
                "bytes": path.stat().st_size,
                "sha256": sha256(path) if small else digests.get(path.name),
            }
    return {"name": name or folder.name, "files": files}


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
