"""What the first rows of a split would be to a run: asked of the engine once for each way of encoding them."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from engine.errors import EngineError
from engine.training.sampling import Sample, sample
from engine.training.spec import TrainingSpec


def sampled(spec: TrainingSpec) -> Sample | None:
    """None when it cannot be told here: the run then says why, or reads them all the same."""
    # What changes no token is left out, so that most changes of the form cost nothing.
    document = spec.to_json()
    kept = {name: document["training"][name] for name in ("cutoff_len", "train_on_answers_only")}
    document |= {"training": kept, "adapter": "lora", "adapter_options": {}, "probes": {}}
    files = (Path(spec.data.train), Path(spec.model.path) / "tokenizer.json")
    return _sampled(json.dumps(document), tuple(_changed(path) for path in files))


@functools.lru_cache(maxsize=64)
def _sampled(document: str, _files: tuple[float, ...]) -> Sample | None:
    try:
        return sample(TrainingSpec.from_json(json.loads(document)))
    except EngineError:
        return None


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
