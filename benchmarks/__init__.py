"""What the workbench costs, measured beside what others cost on the same rows: ``make bench``, docs/benchmarks.md.

Each bench is one file with ``TITLE`` and ``measure(options) -> list[Line]``, and a row of this table.
"""

from __future__ import annotations

# name → module
BENCHES = {
    "audit": "benchmarks.audit",
    "near_duplicates": "benchmarks.near_duplicates",
    "training": "benchmarks.training",
    "generation": "benchmarks.generation",
    "choices": "benchmarks.choices",
}
