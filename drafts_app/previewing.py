"""What a drafting would send, before anything is sent: the prompt, to whom, how much, and the personal data in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from datasets_app import launching
from datasets_app.models import DatasetVersion
from engine.data.mask import mask_text
from engine.data.repairs.redact import KINDS
from engine.drafting.instructions import SHOWN_AT_ONCE, messages_for
from engine.drafting.seeds import choose, personal, redacted
from models_app.models import BaseModel, Endpoint

CHARACTERS_A_TOKEN = 4
SHOWN_CHARACTERS = 12_000


@dataclass(frozen=True)
class Preview:
    """``personal`` are (what, how many) found in the seed rows; ``tokens`` and ``cost`` are rough. ``host`` is empty
    for a teacher on this machine."""

    messages: list[dict[str, str]]
    host: str
    teacher: str
    seeds: int
    shown: int
    requests: int
    tokens: int
    cost: float | None
    personal: list[tuple[str, int]]
    redact: bool


def preview(version: DatasetVersion, teacher: Endpoint | BaseModel, mode: str, asked: dict[str, Any]) -> Preview:
    """Raises NotReady, and DataError when no seed row is usable. Nothing leaves the machine."""
    audit = launching.audit_of(version)
    seeds = choose(version.path, audit.folder, asked["seeds"], answering=mode == "answer")
    found = personal(seeds)
    if asked["redact"]:
        seeds = [redacted(seed) for seed in seeds]
    per = 1 if mode == "answer" else asked["per_request"]
    requests = min(asked["count"], len(seeds)) if mode == "answer" else math.ceil(asked["count"] / per)
    messages, shown = messages_for(mode, seeds, asked["instruction"], request=0, count=per, seed=asked["seed"])
    size = sum(len(turn["content"]) for turn in messages)
    answer = size / max(1, len(shown)) * per if mode == "more" else size / 2
    tokens_in, tokens_out = (int(requests * each / CHARACTERS_A_TOKEN) for each in (size, answer))
    return Preview(
        messages=[{"role": turn["role"], "text": _shown(turn["content"])} for turn in messages],
        host=teacher.host if isinstance(teacher, Endpoint) else "",
        teacher=str(teacher),
        seeds=requests if mode == "answer" else len(seeds),
        shown=min(SHOWN_AT_ONCE, len(seeds)) if mode == "more" else 1,
        requests=requests,
        tokens=tokens_in + tokens_out,
        cost=_cost(teacher, tokens_in, tokens_out),
        personal=[(KINDS[kind][0].lower(), count) for kind, count in found.items() if kind in KINDS],
        redact=asked["redact"],
    )


def _shown(text: str) -> str:
    text = mask_text(text[: SHOWN_CHARACTERS + 400])
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _cost(teacher: Endpoint | BaseModel, tokens_in: int, tokens_out: int) -> float | None:
    if not isinstance(teacher, Endpoint) or teacher.price_in is None or teacher.price_out is None:
        return None
    return (tokens_in * float(teacher.price_in) + tokens_out * float(teacher.price_out)) / 1e6
