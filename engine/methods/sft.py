"""Supervised fine-tuning: next-token loss on the answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """None of its own; what is trained of each row stands in TrainingOptions."""
