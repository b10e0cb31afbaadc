"""An export under way: what the forms ask for, progress, and the stop between two steps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.errors import EngineError
from engine.events import EventWriter
from engine.export.spec import ExportSpec

_TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "tokenizer.model", "chat_template.jinja", "generation_config.json",
)  # fmt: skip


class Stopped(Exception):
    """A person, or a lost supervisor, wants the job to end."""


class Work:
    """``out`` is the folder that is written; ``total`` counts the steps that ``tell`` is called for."""

    def __init__(self, spec: ExportSpec, out: Path, events: EventWriter, control: Control, total: int) -> None:
        self.spec = spec
        self.out = out
        self._events, self._control = events, control
        self._step, self.total = 0, total

    def look(self) -> None:
        """Raises Stopped when somebody asked for the end."""
        if self._control.wanted() or self._control.orphaned():
            raise Stopped

    def tell(self, doing: str) -> None:
        """Says what begins now."""
        self.look()
        self._events.emit("progress", step=min(self._step, self.total), total=self.total, doing=doing)
        self._step += 1

    def merged(self) -> tuple[Any, Any]:
        """The whole model in fp32 with the base model's tokenizer."""
        from engine.export.merging import load_tokenizer, merge

        self.tell(f"Loading {self.spec.base_name} and folding the adapter in")
        return merge(self.spec.base, self.spec.checkpoint), load_tokenizer(self.spec.base)

    def copy_tokenizer(self) -> None:
        """The base model's own files, byte for byte: training used them, so whoever serves the model must."""
        for name in _TOKENIZER:
            if (self.spec.base / name).is_file():
                shutil.copyfile(self.spec.base / name, self.out / name)

    def copy_licence(self) -> None:
        for path in self.spec.base.glob("LICEN[CS]E*"):
            if path.is_file():
                shutil.copyfile(path, self.out / path.name)

    def base_precision(self) -> str:
        """What the base model's weights are kept in, as torch names it."""
        config = json.loads((self.spec.base / "config.json").read_text(encoding="utf-8"))
        found = str(config.get("dtype") or config.get("torch_dtype") or "float32")
        if found not in ("bfloat16", "float16", "float32"):
            raise EngineError("Model", f"The base model is kept in {found}.", "Choose BF16, F16 or F32.")
        return found
