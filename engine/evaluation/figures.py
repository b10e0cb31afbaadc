"""One system's own figures: each metric with n and interval, and its latency. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.evaluation import significance as stats
from engine.evaluation.cases import Case
from engine.evaluation.journal import Output
from engine.evaluation.metrics import BUILT_IN, Catalogue, Metric, Outcome, detail_of
from engine.evaluation.own_metrics import most_common


def outcome_of(case: Case, output: Output, labels: tuple[str, ...]) -> Outcome:
    """What the metrics look at of one answer."""
    return Outcome(
        output.text,
        case.reference,
        labels,
        output.alone_s,
        output.tokens_out,
        output.tokens_in,
        case.prompt,
        case.schema,
        case.tools,
        output.cost,
    )


def figure(
    name: str,
    outputs: Sequence[Output],
    outcomes: Sequence[Outcome],
    seed: int,
    resamples: int = 2000,
    catalogue: Catalogue = BUILT_IN,
) -> dict[str, Any]:
    """A metric over rows: value, n, 95 % interval, unit; its table as `detail`, and of an own metric the rows on
    which it `failed` and why. The value is None where no row says anything."""
    metric = catalogue[name]
    if metric.kind == "aggregate":
        scorer = catalogue.aggregate(name)
        rows = scorer.encode(outcomes)
        interval = stats.bootstrap_statistic(rows, scorer.statistic, seed, resamples)
        detail = detail_of(name, outcomes)
        return _cell(scorer.statistic(rows), len(rows), interval, metric) | ({"detail": detail} if detail else {})
    failed = [output.unscored[name] for output in outputs if name in output.unscored]
    told = {"failed": len(failed), "problems": most_common(failed)} if failed else {}
    return (
        rate_or_mean(name, [output.scores[name] for output in outputs if name in output.scores], seed, catalogue) | told
    )


def rate_or_mean(name: str, values: Sequence[float], seed: int, catalogue: Catalogue = BUILT_IN) -> dict[str, Any]:
    """The same of a metric that scores single rows, from its scores."""
    metric = catalogue[name]
    if not values:
        return {"value": None, "n": 0, "low": None, "high": None, "unit": metric.unit}
    interval = (
        stats.wilson(round(sum(values)), len(values)) if metric.kind == "rate" else stats.bootstrap_mean(values, seed)
    )
    return _cell(sum(values) / len(values), len(values), interval, metric)


def latency_of(outputs: Sequence[Output], timing: dict[str, Any]) -> dict[str, Any]:
    """Percentiles of requests that ran alone; time in a batch apart, for it is not what one request waits."""
    alone = [output.latency_s for output in outputs if output.alone]
    first = [output.first_token_s for output in outputs if output.alone and output.first_token_s is not None]
    shared = [output.latency_s for output in outputs if not output.alone and not output.problem]
    seconds = float(timing.get("batch_seconds", 0.0))
    return {
        **_percentiles(alone, (0.5, 0.95, 0.99)),
        "n": len(alone),
        "first_token_p50": stats.percentile(first, 0.5) if first else None,
        "measured": "seconds of one request alone, prompt to last token",
        "p99_is_slowest": len(alone) < 100,
        "merged": bool(timing.get("merged", False)),
        "batch": {
            "size": max((output.batch for output in outputs), default=0),
            **_percentiles(shared, (0.5, 0.99)),
            "n": len(shared),
            "tokens_per_s": timing.get("batch_tokens", 0) / seconds if seconds else None,
        },
    }


def _percentiles(values: Sequence[float], shares: Sequence[float]) -> dict[str, float | None]:
    return {f"p{100 * share:.0f}": stats.percentile(values, share) if values else None for share in shares}


def _cell(value: float, n: int, interval: stats.Interval, metric: Metric) -> dict[str, Any]:
    return {"value": value, "n": n, "low": interval.low, "high": interval.high, "unit": metric.unit}
