"""A Parquet file, a thousand rows at a time. A null is a column the row does not have, also inside turns: columns
are filled up for every row of such a file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from engine.data.containers.sink import Sink
from engine.data.errors import FileRefused

TITLE = "Parquet"
BATCH_ROWS = 1000


def unpack(source: Path, sink: Sink) -> None:
    """Raises FileRefused for a damaged file, a column of bytes, and two columns of one name."""
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    try:
        with parquet.ParquetFile(source, memory_map=True, pre_buffer=False) as file:
            _check_columns(arrow, file.schema_arrow)
            size, rows = source.stat().st_size, max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                for row in batch.to_pylist():
                    sink.write_row(_without_nulls(row))
                # Columns are read side by side: the share of the rows stands for that of the bytes.
                sink.at(size * sink.rows // rows, size)
    except (arrow.ArrowException, OSError, ValueError) as error:
        found = f"The Parquet file is damaged or cut off: {str(error).splitlines()[0][:160] if str(error) else ''}"
        raise FileRefused("parquet", found.rstrip(" .:") + ".", "Write or fetch the file again.") from None
    if not sink.rows:
        raise FileRefused("parquet", "The Parquet file has no rows.", "Upload one that has rows.")


def _check_columns(arrow: Any, schema: Any) -> None:
    if len(set(schema.names)) < len(schema.names):
        raise FileRefused("parquet", "Two columns have the same name.", "Rename one of them.")
    for field in schema:
        if _holds_bytes(arrow, field.type):
            found = f"The column {field.name[:40]!r} holds bytes ({str(field.type)[:60]}), not text."
            raise FileRefused("parquet", found, "Leave the column out, or write it as text: only text is trained here.")


def _holds_bytes(arrow: Any, kind: Any) -> bool:
    checks = arrow.types
    if checks.is_binary(kind) or checks.is_large_binary(kind) or checks.is_fixed_size_binary(kind):
        return True
    return any(_holds_bytes(arrow, kind.field(place).type) for place in range(kind.num_fields))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
