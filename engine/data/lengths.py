"""The lengths of rows in one picture: quantiles and a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 60


def describe(values: NDArray[np.uint64], unit: str) -> dict[str, Any] | None:
    """Exact quantiles over all rows, and at most 60 bins of equal width up to the 99.5th percentile; the last bin
    holds all that is longer, so that one giant row does not flatten the picture."""
    if not len(values):
        return None
    low, top = int(values.min()), int(values.max())
    p50, p95, p99, edge = np.percentile(values, [50, 95, 99, 99.5], method="inverted_cdf")
    width = max(1, -(-(int(edge) - low + 1) // BINS))
    bins = min(BINS, (int(edge) - low) // width + 1)
    edges = [low + width * place for place in range(bins + 1)]
    inner, _ = np.histogram(values, bins=[*edges[:-1], max(edges[-1], top + 1)])
    return {
        "unit": unit,
        "rows": len(values),
        "min": low,
        "mean": round(float(values.mean()), 1),
        "p50": int(p50),
        "p95": int(p95),
        "p99": int(p99),
        "max": top,
        "histogram": {"edges": edges, "counts": inner.tolist(), "last_bin_open": top >= edges[-1]},
    }
