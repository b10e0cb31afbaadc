"""The table of containers that are not read as they stand: each is one file with TITLE and ``unpack(source, sink)``.

What comes out is plain text that the reader streams: JSON Lines, or for gzip whatever was inside.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from engine.data.containers.sink import Sink

CONTAINERS: dict[str, str] = {
    "gzip": "engine.data.containers.gzip",
    "csv": "engine.data.containers.csv",
    "parquet": "engine.data.containers.parquet",
}


class Packing(Protocol):
    TITLE: str

    def unpack(self, source: Path, sink: Sink) -> None: ...


@cache
def load(name: str) -> Packing:
    """The module of a container. Raises KeyError for a name that is not in the table."""
    return cast(Packing, import_module(CONTAINERS[name]))
