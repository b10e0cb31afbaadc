"""What it takes to do a run again: read from its directory, for its page and as one archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training_jobs.archives import Entry
from training_jobs.models import TrainingJob

TOLD = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets", "tokenizers")
HOW = """To repeat this run
1. Check out the workbench at the commit in environment.json (workbench.commit) and install the packages it names.
2. Put the dataset version with data.version_sha256 back, and split it as data.split says. The parts are right when
   their SHA-256 is data.parts.*.sha256; rows/*.ids names every row, in order.
3. Set the paths in spec.json to where model and parts lie, and run: python -m engine train RUN_DIR
On the same device with the same packages the losses are the same; elsewhere they agree to the precision of the device.
"""


def read(job: TrainingJob) -> dict[str, Any]:
    """environment.json of the run; empty before the first step, and for runs of before it was written."""
    try:
        found = json.loads((job.run.directory / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def facts(job: TrainingJob) -> list[tuple[str, str]]:
    """The record in the words of the page; nothing where there is none."""
    record = read(job)
    if not record:
        return []
    packages, device = record.get("packages", {}), record.get("device", {})
    versions = ", ".join(f"{name} {packages[name]}" for name in TOLD if name in packages)
    said = [("Workbench", _code(record.get("workbench") or {})), *_data(job, record.get("data") or {})]
    said += [
        ("Python and packages", f"Python {record.get('python')}; {versions}; {len(packages)} in all"),
        ("Device", f"{device.get('name')}, {device.get('processors')} processors"),
    ]
    if record.get("plan"):
        plan = record["plan"]
        said.append(("Computed in", f"{plan.get('compute')} on {plan.get('device')}, weights in {plan.get('weights')}"))
    if record.get("earlier"):
        said.append(("Resumed", "with other code, packages or another device than it began with: see the record"))
    return said


def entries(job: TrainingJob) -> list[Entry]:
    """What the archive holds. Raises FileNotFoundError when the run has left no record."""
    folder = job.run.directory
    if not (folder / "environment.json").is_file():
        raise FileNotFoundError
    made: list[Entry] = [("HOW.txt", HOW.encode()), ("version.json", _version(job))]
    names = [
        "spec.json",
        "environment.json",
        *(f"rows/{path.name}" for path in sorted((folder / "rows").glob("*.ids"))),
    ]
    return made + [(name, folder / name) for name in names if Path(folder / name).is_file()]


def _version(job: TrainingJob) -> bytes:
    version = job.split.version
    said = {
        "dataset": version.dataset.name,
        "version": version.number,
        "filename": version.filename,
        "sha256": version.sha256,
        "operation": version.operation,
        "split": {"seed": job.split.seed, "fractions": job.split.fractions, "options": job.split.options},
    }
    return json.dumps(said, indent=1, ensure_ascii=False).encode()


def _code(code: dict[str, Any]) -> str:
    engine = f"engine sources {str(code.get('engine_sha256', ''))[:12]}"
    if not code.get("commit"):
        return f"no git checkout; {engine}"
    changed = ", with files changed since" if code.get("changed") else ""
    return f"commit {str(code['commit'])[:12]}{changed}; {engine}"


def _data(job: TrainingJob, data: dict[str, Any]) -> list[tuple[str, str]]:
    version = job.split.version
    sha256 = str(data.get("version_sha256") or version.sha256)
    parts = data.get("parts", {})
    rows = "; ".join(f"{name} {part['rows']:,} rows, SHA-256 {part['sha256'][:12]}" for name, part in parts.items())
    return [("Data", f"{version}, SHA-256 {sha256[:12]}"), ("Rows", rows)]
