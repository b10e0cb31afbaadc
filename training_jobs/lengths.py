"""How long the rows of a split are for the model: read from the audit of its version, never measured here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datasets_app.models import Split

# English and JSON take about this many characters a token with a byte-level vocabulary.
_CHARACTERS_A_TOKEN = 3.5
_TURN_TOKENS = 8


@dataclass(frozen=True, slots=True)
class TokenLengths:
    """Token lengths of a version's rows as its audit found them, the project's system prompt added."""

    mean: float
    p99: int
    longest: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]
    tokenizer: str
    prompt_tokens: int
    """Tokens the project's system prompt adds to a row that has none of its own; about, and at most."""

    def share_over(self, cutoff: int) -> float:
        """The share of rows longer than ``cutoff`` tokens; inside a bin of the histogram rows are taken as even."""
        total = sum(self.counts)
        if not total or len(self.edges) != len(self.counts) + 1:
            return 0.0
        limit = cutoff - self.prompt_tokens
        over = 0.0
        for low, high, count in zip(self.edges, (*self.edges[1:-1], self._top), self.counts, strict=False):
            if low > limit:
                over += count
            elif high - 1 > limit:
                over += count * (high - 1 - limit) / max(1, high - low)
        return over / total

    @property
    def _top(self) -> int:
        """The end of the last bin: it holds everything that is longer than the rest."""
        return max(self.edges[-1], self.longest - self.prompt_tokens + 1)


def lengths_of(split: Split, system_prompt: str) -> TokenLengths | None:
    """None when the version was audited without a tokenizer, or not at all."""
    audit = split.version.audit
    tokens: dict[str, Any] | None = (audit.document or {}).get("tokens") if audit is not None else None
    if not tokens or not tokens.get("rows"):
        return None
    extra = prompt_tokens(system_prompt)
    histogram = tokens.get("histogram") or {}
    return TokenLengths(
        mean=float(tokens["mean"]) + extra,
        p99=int(tokens["p99"]) + extra,
        longest=int(tokens["max"]) + extra,
        edges=tuple(histogram.get("edges", ())),
        counts=tuple(histogram.get("counts", ())),
        tokenizer=str(tokens.get("model", "")),
        prompt_tokens=extra,
    )


def prompt_tokens(system_prompt: str) -> int:
    return int(len(system_prompt) / _CHARACTERS_A_TOKEN) + _TURN_TOKENS if system_prompt else 0
