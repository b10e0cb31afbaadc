"""The base model with the baseline prompt, which the rows were read with."""

from __future__ import annotations

from engine.evaluation.systems.plain import NoOptions as Options
from engine.evaluation.systems.plain import as_it_stands as prepare

__all__ = ["Options", "prepare"]
