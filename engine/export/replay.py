"""Rows asked again through what was exported, beside the run's own answers.

A tuned model that is worse outside the workbench was mostly given another prompt: another template, other tokens. So
three things are compared a row: the prompt's tokens, the answer, and the logits over the reference answer for the same
tokens.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.data.examples import iterate
from engine.errors import EngineError
from engine.evaluation.cases import Case, read_cases
from engine.evaluation.generate import encode_prompt, generate
from engine.export.work import Work

LOGITS_AT_MOST = 64
"""Positions of a reference answer whose logits are compared: a vocabulary of them is kept on disk meanwhile."""
SCRATCH_BYTES = 512 << 20
"""What the logits of one side may take there; with many rows or a large vocabulary fewer positions are compared."""
TEXT_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Asked:
    """One row as it is replayed. Raw text has no messages: only its logits are compared."""

    row_id: str
    line: int
    messages: tuple[dict[str, Any], ...]
    reference: str
    tools: Any = None


@dataclass(slots=True)
class Row:
    """What the two sides said. ``logit_difference`` is the largest over the compared positions, None where none was."""

    row_id: str
    line: int
    messages: list[dict[str, Any]]
    reference: str
    own: str
    exported: str
    same_prompt: bool
    same_answer: bool
    logit_difference: float | None
    same_top: float | None
    """Share of positions at which both hold the same token for the most probable."""


def read_rows(file: Path, system_prompt: str, limit: int, seed: int) -> list[Asked]:
    """A seeded sample of rows with a prompt and an answer; of raw text where there are none of those."""
    try:
        cases: list[Case] = read_cases(file, system_prompt, limit, seed)
    except EngineError:
        texts = [row for row in iterate(file) if row.example.text][:limit]
        if not texts:
            raise
        return [Asked(row.row_id, row.line, (), str(row.example.text)) for row in texts]
    return [Asked(case.row_id, case.line, case.messages, case.reference, case.tools) for case in cases]


class Side:
    """The answers, prompts and logits of one side, its model let go of afterwards."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.prompts: list[list[int]] = []
        self.answers: list[str] = []

    def logits(self, place: int) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = np.load(self.scratch / f"{place}.npy", mmap_mode="r")
        return found


@dataclass(frozen=True, slots=True)
class Asking:
    """``forced`` are the run's own (prompt, answer) tokens, over which the logits of both sides are kept; ``room`` is
    how many tokens an answer may have."""

    rows: list[Asked]
    forced: list[tuple[list[int], list[int]]]
    room: int
    work: Work

    def ask(self, model: Any, tokenizer: Any, side: Side, word: str) -> None:
        """Answers each row in the side's own template."""
        side.scratch.mkdir(parents=True, exist_ok=True)
        for place, row in enumerate(self.rows):
            self.work.tell(f"Asking {word}: row {place + 1} of {len(self.rows)}")
            if row.messages:
                prompt = encode_prompt(tokenizer, row.messages, row.tools)
                ((answer,),) = generate(model, tokenizer, [prompt], max_new_tokens=self.room, on_step=self.work.look)
                side.prompts.append(prompt)
                side.answers.append(answer.text)
            else:
                side.prompts.append(list(tokenizer(row.reference)["input_ids"])[:TEXT_TOKENS])
                side.answers.append("")
            np.save(side.scratch / f"{place}.npy", _logits(model, *self.forced[place]))


def forced_tokens(rows: list[Asked], tokenizer: Any) -> list[tuple[list[int], list[int]]]:
    """For each row the tokens of its prompt and the first of its reference answer, by the run's own tokenizer."""
    most = max(4, min(LOGITS_AT_MOST, SCRATCH_BYTES // (4 * len(tokenizer) * max(1, len(rows)))))
    found = []
    for row in rows:
        if row.messages:
            prompt = encode_prompt(tokenizer, row.messages, row.tools)
            answer = list(tokenizer(row.reference, add_special_tokens=False)["input_ids"])[:most]
        else:
            ids = list(tokenizer(row.reference)["input_ids"])[:TEXT_TOKENS]
            prompt, answer = ids[:1], ids[1 : 1 + most]
        found.append((prompt, answer))
    return found


def room_for(rows: list[Asked], tokenizer: Any) -> int:
    """Tokens an answer may have: twice the longest reference, as an evaluation gives, and 256 at most."""
    longest = max((len(tokenizer(row.reference)["input_ids"]) for row in rows if row.messages), default=1)
    return max(16, min(256, 2 * longest))


def compare(rows: list[Asked], own: Side, exported: Side) -> list[Row]:
    """Row by row, in the order they were asked."""
    found = []
    for place, row in enumerate(rows):
        here, there = own.logits(place), exported.logits(place)
        width = min(here.shape[-1], there.shape[-1])  # a file may pad its vocabulary
        apart = np.abs(here[:, :width] - there[:, :width])
        found.append(
            Row(
                row_id=row.row_id,
                line=row.line,
                messages=list(row.messages),
                reference=row.reference,
                own=own.answers[place],
                exported=exported.answers[place],
                same_prompt=own.prompts[place] == exported.prompts[place],
                same_answer=own.answers[place] == exported.answers[place],
                logit_difference=float(apart.max()) if apart.size else None,
                same_top=float((here.argmax(-1) == there.argmax(-1)).mean()) if apart.size else None,
            )
        )
    return found


def summary(rows: list[Row]) -> dict[str, Any]:
    """What the page and the model card say first."""
    differences = [row.logit_difference for row in rows if row.logit_difference is not None]
    tops = [row.same_top for row in rows if row.same_top is not None]
    return {
        "rows": len(rows),
        "answered": sum(bool(row.messages) for row in rows),
        "same_prompts": sum(row.same_prompt for row in rows),
        "same_answers": sum(row.same_answer for row in rows if row.messages),
        "logit_difference": max(differences, default=None),
        "same_top": sum(tops) / len(tops) if tops else None,
    }


def write_rows(path: Path, rows: list[Row]) -> None:
    """One JSON object a line, differing rows first."""
    ordered = sorted(rows, key=lambda row: (row.same_answer and row.same_prompt, row.line))
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in ordered), encoding="utf-8")


def _logits(model: Any, prompt: list[int], answer: list[int]) -> np.ndarray[Any, Any]:
    """In fp32, [positions of the answer, vocabulary]: what the model expects at each token of it."""
    if not answer:
        return np.zeros((0, 1), dtype=np.float32)
    with torch.inference_mode():
        ids = torch.tensor([prompt + answer], device=next(model.parameters()).device)
        logits = model(input_ids=ids, use_cache=False).logits[0, -len(answer) - 1 : -1]
    found: np.ndarray[Any, Any] = logits.float().cpu().numpy()
    return found
