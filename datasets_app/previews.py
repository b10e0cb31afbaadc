"""What a repair would do, asked of the engine in a process of its own; and two rows as a diff."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from django.conf import settings

from datasets_app import launching
from datasets_app.editing import TURNS
from datasets_app.models import DatasetVersion
from engine.data.mask import mask_text
from engine.differences import Part, against_reference

MOST_SECONDS = 30
EXAMPLES = 5
# Characters that a page does not show: a diff of them would look like none.
_UNSEEN = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
# Words that stay the same are shown this far around a change.
AROUND = 160


class NoPreview(Exception):
    """The operations cannot be tried; ``found`` says why, ``remedy`` what to do."""

    def __init__(self, found: str, remedy: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True)
class Piece:
    """One turn or column: ``kind`` is same, changed, added or removed; ``parts`` are its words with their marks."""

    label: str
    kind: str
    parts: list[Part]


def preview(version: DatasetVersion, operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The engine's preview with ``pieces`` for each example. Bounded in time. Raises NoPreview, NotReady."""
    spec = launching.repair_spec(version, launching.audit_of(version), operations)
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        file = Path(folder) / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        command = [sys.executable, "-m", "engine", "preview", str(file), f"--limit={EXAMPLES}"]
        try:
            done = subprocess.run(
                command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            found = f"The preview was not ready within {MOST_SECONDS} seconds."
            remedy = "The repair itself has no such limit: apply it, and go back if it is wrong."
            raise NoPreview(found, remedy) from None
    try:
        made: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        why = mask_text((done.stderr.strip().splitlines() or ["no message"])[-1])[:200]
        raise NoPreview(f"The preview failed: {why}.", "Choose fewer operations, or audit the version again.") from None
    if refused := made.get("refused"):
        raise NoPreview(refused["found"], refused["remedy"])
    for example in made["examples"]:
        example["diffs"] = _diffs(example)
    return made


def _diffs(example: dict[str, Any]) -> list[list[Piece]]:
    """One diff a row that the row becomes; rows taken away and added are of one kind throughout."""
    before, after = example["before"], example["after"]
    if not after:
        return [parts_of(before, None)]
    return [parts_of(before if place == 0 else None, row) for place, row in enumerate(after)]


def parts_of(before: Any, after: Any) -> list[Piece]:
    """What differs between two rows, turn by turn and column by column; None stands for no row."""
    old, new = _flat(before), _flat(after)
    if after is None or before is None:
        kind, word = ("removed", "removed") if after is None else ("added", "added")
        return [Piece(label, kind, [(word, _cut(text))]) for label, text in (old or new)]
    pieces: list[Piece] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces += [Piece(label, "same", [("same", _cut(text))]) for label, text in new[j1:j2]]
        else:
            pieces += _replaced(old[i1:i2], new[j1:j2])
    return pieces


def _replaced(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> list[Piece]:
    pieces: list[Piece] = []
    both = min(len(old), len(new))
    for (was, before), (label, after) in zip(old[:both], new[:both], strict=True):
        name = label if was == label else f"{was} → {label}"
        pieces.append(Piece(name, "changed", _near(against_reference(after, before))))
    pieces += [Piece(label, "removed", [("removed", _cut(text))]) for label, text in old[both:]]
    return pieces + [Piece(label, "added", [("added", _cut(text))]) for label, text in new[both:]]


def _flat(row: Any) -> list[tuple[str, str]]:
    """(role or column, text) of everything in a row, in its order."""
    if row is None:
        return []
    if not isinstance(row, dict):
        return [("line", str(row))]
    flat: list[tuple[str, str]] = []
    for name, value in row.items():
        keys = TURNS.get(name)
        if keys and isinstance(value, list) and all(isinstance(turn, dict) for turn in value):
            flat += [_said(turn, *keys[:2]) for turn in value]
        else:
            flat.append((name, _text(value)))
    return flat


def _said(turn: dict[str, Any], speaker: str, words: str) -> tuple[str, str]:
    other = {key: value for key, value in turn.items() if key not in (speaker, words)}
    text = _text(turn.get(words, ""))
    return str(turn.get(speaker, "?"))[:40], f"{text}\n{_text(other)}".strip() if other else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _near(parts: list[Part]) -> list[Part]:
    """Long stretches that stay the same are cut to what stands around the changes."""
    last = len(parts) - 1
    shown: list[Part] = []
    for place, (kind, text) in enumerate((kind, _visible(text)) for kind, text in parts):
        if kind == "same" and len(text) > 2 * AROUND:
            head = "" if place == 0 else text[:AROUND]
            text = f"{head} … {'' if place == last else text[-AROUND:]}"
        shown.append((kind, text))
    return shown


def _cut(text: str) -> str:
    text = _visible(text)
    return text if len(text) <= 4 * AROUND else text[: 4 * AROUND] + " …"


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)
