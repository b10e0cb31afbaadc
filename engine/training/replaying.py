"""General rows mixed into the training rows (replay), so that what the model could do before is practised on.

Experience replay against forgetting: Rolnick et al., arXiv 1811.11682; a few per cent of general data already keep much
of it in fine-tuning (Scialom et al., arXiv 2205.12393). Replay rows get no system prompt of the project's: they stand
for what the model is asked elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from engine.data.examples import Loaded, iterate
from engine.errors import EngineError
from engine.events import EventWriter
from engine.methods.table import METHODS
from engine.training import ranks
from engine.training.encoding import Rows
from engine.training.spec import TrainingSpec

MOST_READ = 50_000
FISHER_ROWS = 64
DRAWN = "replayed.ids"
"""Beside the other row identities of the run: which replay rows were trained on."""


def mix(spec: TrainingSpec, train: Rows, tokenizer: Any, events: EventWriter, run_dir: Path) -> list[list[int]]:
    """Adds replay rows to ``train`` until they are ``replay_ratio`` of it, drawn by the run's seed, each once.

    Returns the token ids of up to 64 of them, for EWC; empty without a source. Raises EngineError("Data") when no row
    of the source can be trained by this method.
    """
    if spec.data.replay is None:
        return []
    shapes = METHODS[spec.method].data_shapes
    read = list(islice(iterate(Path(spec.data.replay), skip_unusable=True), MOST_READ))
    chance = random.Random(spec.training.seed)
    usable = [row for row in read if row.example.shape in shapes]
    chance.shuffle(usable)
    wanted = spec.training.replay_rows(len(train.encoded))
    encoded, drawn = _encoded(spec, usable, max(wanted, FISHER_ROWS), tokenizer)
    if not encoded:
        raise EngineError(
            "Data",
            f"No row of the replay source {spec.data.replay_name} can be trained by {METHODS[spec.method].label}.",
            f"Choose a source with rows of the shape {' or '.join(shapes[:3])}, or none.",
        )
    mixed = encoded[:wanted]
    _record(run_dir, drawn[:wanted])
    _tell(spec, len(mixed), wanted, len(train.encoded), events)
    train.encoded += mixed
    return [_ids(row) for row in encoded[:FISHER_ROWS]]


def _encoded(spec: TrainingSpec, rows: list[Loaded], wanted: int, tokenizer: Any) -> tuple[list[Any], list[Loaded]]:
    """The first ``wanted`` rows of which something is trained, whole, with where each came from."""
    encode: Callable[..., Rows] = METHODS[spec.method].module().encode_rows
    # Raw text has no answers: all of it is trained, whatever the run's own rows do.
    whole = replace(spec, training=replace(spec.training, train_on_answers_only=False))
    found: list[Any] = []
    sources: list[Loaded] = []
    for row in rows:
        if len(found) >= wanted:
            break
        made = encode([(row.line, row.example)], tokenizer, whole if row.example.shape == "text" else spec)
        if made.encoded and not made.cut:
            found += made.encoded
            sources += [row] * len(made.encoded)
    return found, sources


def _ids(row: Any) -> list[int]:
    """Of a row that is compared with others, its prompt with the better answer."""
    return list(row.input_ids) if hasattr(row, "input_ids") else [*row.prompt, *row.answers[0]]


def _record(run_dir: Path, drawn: list[Loaded]) -> None:
    if ranks.rank():  # the first process of a run writes
        return
    folder = run_dir / "rows"
    folder.mkdir(exist_ok=True)
    (folder / DRAWN).write_text("".join(f"{row.row_id}\n" for row in drawn))


def _tell(spec: TrainingSpec, mixed: int, wanted: int, own: int, events: EventWriter) -> None:
    share = mixed / max(1, mixed + own)
    text = f"{mixed:,} rows of {spec.data.replay_name} replayed among {own:,}: {share:.0%} of the training rows"
    events.emit("log", code="replay", rows=mixed, source=spec.data.replay_name, share=round(share, 4), text=text)
    if mixed < wanted:
        events.emit(
            "warning",
            code="few_replay_rows",
            text=f"{spec.data.replay_name} has {mixed:,} rows that fit where the ratio asks for {wanted:,}: "
            f"{share:.0%} of the training rows are replayed.",
        )
