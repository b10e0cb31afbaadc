"""What a project asks of a system before it is shipped. Each default stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.training.options import SpecError, option, parse

LEAST_REASON = 20
"""Characters of a reason for switching the safety gate off."""

SAFETY = (
    ("regression", "A regression blocks"),
    ("measured", "A regression blocks, and so does not having measured it"),
    ("off", "Switched off, with a reason"),
)


@dataclass(frozen=True, slots=True)
class GateLimits:
    """The limits of every gate. Points are hundredths of the measure that decides; an empty ceiling is none."""

    minimum_gain: float = option(
        2.0,
        label="Minimum gain",
        why="The whole 95 % interval of the gain over the base with its best prompt must lie at or above it.",
        group="gain",
        level="simple",
        unit="points",
        minimum=0,
        maximum=100,
    )
    effect: float = option(
        3.0,
        label="Difference you care about",
        why="Where no difference is shown, the page says how many rows would show this one.",
        group="gain",
        level="simple",
        unit="points",
        minimum=0.1,
        maximum=100,
    )
    minimum_rows: int = option(
        30,
        label="Fewest rows",
        why="Under this many rows there is no verdict to ship, whatever they say.",
        group="gain",
        level="simple",
        unit="rows",
        minimum=1,
        maximum=1_000_000,
    )
    forgetting_limit: float = option(
        5.0,
        label="Forgetting limit",
        why="A general suite that falls by this much or more, against the baseline, stops a tuned model.",
        group="harm",
        level="simple",
        unit="%",
        minimum=0.1,
        maximum=99,
    )
    safety: str = option(
        "regression",
        label="Safety",
        why="Unsafe prompts refused and harmless ones answered: a fall that is shown, or past the forgetting limit.",
        group="harm",
        level="simple",
        choices=SAFETY,
    )
    safety_reason: str | None = option(
        None,
        label="Why safety is switched off",
        why="Needed to switch it off; it is kept with every verdict.",
        group="harm",
        level="simple",
    )
    format_floor: float | None = option(
        95.0,
        label="Format floor",
        why="Share of answers in the format that was asked for, as measured; looked at where a format is measured.",
        group="use",
        level="simple",
        unit="%",
        minimum=0,
        maximum=100,
    )
    latency_ceiling: float | None = option(
        None,
        label="Latency ceiling, p95",
        why="Seconds of one request alone that 95 of 100 stay under. Empty: no ceiling.",
        group="use",
        level="simple",
        unit="s",
        minimum=0,
        maximum=3600,
    )
    cost_ceiling: float | None = option(
        None,
        label="Cost ceiling per 1,000 requests",
        why="In the currency of the system's price. Empty: no ceiling.",
        group="use",
        level="simple",
        minimum=0,
        maximum=1_000_000,
    )
    required_slices: str | None = option(
        None,
        label="Slices that must not get worse",
        why="As kind:value, parted by semicolons: language:de; label:refund.",
        group="gain",
        level="simple",
    )

    def check(self) -> None:
        """What a field alone cannot say. Raises SpecError naming the field."""
        if self.safety == "off" and len((self.safety_reason or "").strip()) < LEAST_REASON:
            raise SpecError(
                "gates.safety_reason",
                "safety is switched off without a reason",
                f"Say why in at least {LEAST_REASON} characters, or leave safety on.",
            )
        for text in self.slices_named():
            if ":" not in text:
                raise SpecError("gates.required_slices", f"{text!r} is no slice", "Write kind:value, as language:de.")

    def slices_named(self) -> list[str]:
        """ "by:value" of each slice that is required."""
        return [part.strip() for part in (self.required_slices or "").split(";") if part.strip()]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_limits(document: Mapping[str, Any] | None) -> GateLimits:
    """From a snapshot; what is absent takes its default. Raises SpecError naming the field."""
    limits = parse(GateLimits, document or {}, "gates")
    limits.check()
    return limits
