"""Generating beside a plain batched loop over transformers' ``generate``: the same model, rows, batch and threads, in
turn, the answers compared."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.measuring import Line, Options

TITLE = "Generating, starter model, fp32, greedy"
ROWS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "llmfoundry_eval" / "arc_easy.jsonl"
COUNT, PAIRS, EXAMPLES, BATCH, NEW_TOKENS = 48, 3, 4, 8, 32
GOAL = 1.2
SYSTEM = {"role": "system", "content": "Answer the question in a few words."}


class Timed(NamedTuple):
    """``texts`` of the rows in order, ``tokens`` of all of them, seconds by the clock and of processor."""

    texts: list[str]
    tokens: int
    wall: float
    cpu: float


def measure(options: Options) -> list[Line]:
    if options.model is None or not ROWS.is_file():
        return [Line("starter model and public rows", f"not there: make test fetches the model; the rows are {ROWS}")]
    from engine.evaluation.generate import encode_prompt
    from engine.evaluation.weights import load_model

    count, pairs = min(COUNT, max(16, options.rows // 2000)), PAIRS if options.rows >= 2000 * COUNT else 1
    model, tokenizer = load_model(options.model)
    lines = [Line("rows, pairs, batch, new tokens at most", f"{count}, {pairs}, {BATCH}, {NEW_TOKENS}")]
    for title, asked in (
        ("questions alone", questions(count, 0)),
        ("four examples in front", questions(count, EXAMPLES)),
    ):
        prompts = [encode_prompt(tokenizer, messages) for messages in asked]
        runs = [(ours(model, tokenizer, prompts), plain(model, tokenizer, prompts)) for _ in range(pairs)]
        lines += _lines(title, runs)
    return lines


def questions(count: int, examples: int) -> list[list[dict[str, Any]]]:
    """Conversations over rows of the file, the first ``examples`` of it standing before each as turns."""
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()[: count + examples]]
    shown = [
        turn
        for row in rows[:examples]
        for turn in (
            {"role": "user", "content": row["query"]},
            {"role": "assistant", "content": row["choices"][row["gold"]]},
        )
    ]
    return [[SYSTEM, *shown, {"role": "user", "content": row["query"]}] for row in rows[examples:]]


def ours(model: Any, tokenizer: Any, prompts: list[list[int]]) -> Timed:
    from engine.evaluation.generate import generate

    wall, cpu = time.monotonic(), time.process_time()
    batches = list(generate(model, tokenizer, prompts, max_new_tokens=NEW_TOKENS, batch_size=BATCH))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    rows = sorted((row for batch in batches for row in batch), key=lambda row: row.index)
    return Timed([row.text for row in rows], sum(row.tokens_out for row in rows), wall, cpu)


def plain(model: Any, tokenizer: Any, prompts: list[list[int]]) -> Timed:
    """What one writes first: batches in the order of the rows, padded on the left, ``model.generate``."""
    import torch

    from engine.evaluation.generate import end_tokens

    ends = end_tokens(model, tokenizer)
    tokenizer.padding_side = "left"
    texts: list[str] = []
    tokens = 0
    wall, cpu = time.monotonic(), time.process_time()
    for first in range(0, len(prompts), BATCH):
        batch = tokenizer.pad({"input_ids": prompts[first : first + BATCH]}, return_tensors="pt")
        with torch.no_grad():
            whole = model.generate(
                **batch, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id,
                eos_token_id=sorted(ends),
            )  # fmt: skip
        for row in whole[:, batch["input_ids"].shape[1] :].tolist():
            stop = next((at for at, token in enumerate(row) if token in ends), len(row))
            texts.append(tokenizer.decode(row[:stop], skip_special_tokens=True))
            tokens += stop
    return Timed(texts, tokens, time.monotonic() - wall, time.process_time() - cpu)


def _lines(title: str, runs: list[tuple[Timed, Timed]]) -> list[Line]:
    same = sum(a == b for a, b in zip(runs[0][0].texts, runs[0][1].texts, strict=True))
    count = len(runs[0][0].texts)
    by_cpu = median(other.cpu / own.cpu for own, other in runs)
    by_wall = median(other.wall / own.wall for own, other in runs)
    rates = [median(run[place].tokens / run[place].cpu for run in runs) for place in (0, 1)]
    return [
        Line(f"{title}: tokens a CPU second, ours and plain", f"{rates[0]:.1f} and {rates[1]:.1f}"),
        Line(f"{title}: CPU seconds, plain to ours", f"{by_cpu:.2f} ×", f"≥ {GOAL} ×", by_cpu >= GOAL),
        Line(f"{title}: by the clock, plain to ours", f"{by_wall:.2f} ×", f"≥ {GOAL} ×", by_wall >= GOAL),
        Line(f"{title}: the same answers", f"{same} of {count}", f"{count}", same == count),
    ]
