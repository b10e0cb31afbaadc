"""Which embedding model is here. No torch: forms ask."""

from __future__ import annotations

from pathlib import Path

MARK = "modules.json"
"""sentence-transformers writes it into each of its models, and no causal model has it."""


def find_embedder(models: Path) -> Path | None:
    """The first embedding model among the folders of ``models``, by name; None without one."""
    if not models.is_dir():
        return None
    folders = sorted(path for path in models.iterdir() if path.is_dir())
    return next((path for path in folders if (path / MARK).is_file() and (path / "config.json").is_file()), None)
