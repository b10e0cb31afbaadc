"""What an export is asked to do: spec.json, read and checked. No torch, the web may import it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.errors import EngineError
from engine.export.forms import FORMS, load

MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """A checked spec.json of kind "export"."""

    base: Path
    base_name: str
    checkpoint: Path
    adapter: str
    """Key of ADAPTERS."""
    form: str
    precision: str
    name: str
    card: dict[str, Any]
    """What the model card says, as engine.interop.model_card.write takes it."""
    rows: Path | None
    """Rows to replay; None for no replay."""
    system_prompt: str
    limit: int
    """Rows replayed at most."""
    seed: int

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-.")[:80] or "model"


def read_spec(document: dict[str, Any]) -> ExportSpec:
    """Raises EngineError("Config") for a document that is no export, and with the form's reason for one it refuses."""
    try:
        data = document.get("data") or {}
        spec = ExportSpec(
            base=Path(document["model"]["path"]),
            base_name=str(document["model"].get("name") or Path(document["model"]["path"]).name),
            checkpoint=Path(document["checkpoint"]),
            adapter=document["adapter"],
            form=document["form"],
            precision=document.get("precision") or default_precision(document["form"]),
            name=str(document.get("name") or "model"),
            card=dict(document.get("card") or {}),
            rows=Path(data["rows"]) if data.get("rows") else None,
            system_prompt=str(data.get("system_prompt") or ""),
            limit=max(0, min(MOST_ROWS, int(document.get("limit", 20)))),
            seed=int(document.get("seed", 42)),
        )
        form = load(spec.form)
        known = spec.precision in dict(form.PRECISIONS) and spec.adapter in ADAPTERS
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise EngineError(
            "Config", f"spec.json is not an export: {problem!r}.", "Start the export again from its form."
        ) from problem
    if not known:
        raise EngineError(
            "Config", f"spec.json: {spec.form} in {spec.precision} of {spec.adapter}.", "Start it again from its form."
        )
    if reason := form.refusal(spec.adapter, spec.base):
        raise EngineError("Config", f"{form.TITLE}: {reason}", "Choose another form.")
    return spec


def default_precision(form: str) -> str:
    return str(load(form).PRECISIONS[0][0]) if form in FORMS else ""
