"""What an answer costs: by its tokens where they have a price, by the machine's time where an hour has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.evaluation.journal import Output
from engine.evaluation.spec import Price


def cost_of(price: Price | None, tokens_in: int, tokens_out: int, share_s: float) -> float | None:
    """Of one answer, in the price's currency; ``share_s`` are the seconds of the machine it took. None: not known."""
    if price is None:
        return None
    if price.tokens_in is not None or price.tokens_out is not None:
        return (tokens_in * (price.tokens_in or 0.0) + tokens_out * (price.tokens_out or 0.0)) / 1e6
    return None if price.per_hour is None else price.per_hour * share_s / 3600


def per_thousand(outputs: Sequence[Output], price: Price | None) -> dict[str, Any] | None:
    """Cost of 1,000 requests, with what it rests on; None where no price is known.

    By time, answers that ran in a batch count where there are any: one alone leaves most of the machine idle.
    """
    if price is None:
        return None
    by_tokens = price.tokens_in is not None or price.tokens_out is not None
    counted = [output for output in outputs if output.cost is not None and not output.problem]
    if not by_tokens:
        counted = [output for output in counted if not output.alone] or counted
    if not counted:
        return None
    mean = sum(output.cost or 0.0 for output in counted) / len(counted)
    basis = "tokens of these requests at the endpoint's prices" if by_tokens else "time on this machine at its price"
    return {"per_1000": 1000 * mean, "currency": price.currency, "basis": basis, "n": len(counted)}
