"""Training steps of the workbench beside trl's SFTTrainer and LLaMA-Factory: same model, rows, order and steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.measuring import Line, Options
from benchmarks.trainers import CUTOFF
from engine.control import Control
from engine.events import EventWriter
from engine.process import quiet_environment

TITLE = "Training, LoRA rank 16, batches of 4 rows"
STEPS, PAIRS, ROWS = 12, 3, 160
GOALS = {
    "trl_defaults": 2.0,
    "trl_same": 1.3,
    "llama_factory": 1.0,
    "llama_factory_plain": 1.0,
    "llama_factory_fp32": 1.0,
}
WORDS = {
    "trl_defaults": "(a) trl at its defaults (fp32 weights, bf16 autocast, checkpointing)",
    "trl_same": "(b) trl, bf16 weights and autocast, no checkpointing",
    "trl_fp32": "trl in fp32, no checkpointing",
    "llama_factory": "(c) LLaMA-Factory, bf16, no checkpointing",
    "llama_factory_plain": "(c) LLaMA-Factory, no precision asked for: bf16 weights, no autocast, no checkpointing",
    "llama_factory_fp32": "(c) LLaMA-Factory in fp32, no checkpointing",
    "workbench": "(d) the workbench, as it decides (event log on)",
    "workbench_fp32": "(d) the workbench in fp32",
}
OVERHEAD_GOAL = 0.01
# Losses of two ways to compute the same in fp32; and of 16 bits against 32, measured by a forward pass in fp32.
SAME, ALIKE = 1e-3, 0.02
Told = dict[str, Any]


def measure(options: Options) -> list[Line]:
    if options.model is None:
        return [Line("starter model", "not there: make test fetches it")]
    folder = options.folder / "training"
    steps = min(STEPS, max(1, options.rows // 10_000))
    peers = "WORKBENCH_BENCH_PEERS" in os.environ
    _prepare(folder, options.model, steps, peers)
    names = [name for name in WORDS if peers or not name.startswith("llama")]
    told: dict[str, list[Told]] = {name: [] for name in names}
    for _ in range(PAIRS if steps == STEPS else 1):
        for name in names:
            told[name].append(_run(name, folder))
    tokens = told["workbench"][0]["tokens"]
    lines = [Line("steps, tokens of each contender", f"{steps}, {tokens:,}; {len(told['workbench'])} times in turn")]
    for name in names:
        lines.append(_line(name, told, tokens))
    if len(names) < len(WORDS):
        lines.append(Line("(c) LLaMA-Factory", "not measured: WORKBENCH_BENCH_PEERS names no folder that has it"))
    return [*lines, *_losses(told, folder), _overhead(folder, told["workbench"]), _share_of_peak(folder, told, tokens)]


def _prepare(folder: Path, model: Path, steps: int, peers: bool) -> None:
    """The rows, their ids for those that take them, and the model in fp32 for a peer that goes by its folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engine.data import examples
    from engine.samples.support_tickets.tickets import draw_tickets, to_answer
    from engine.training.encoding import encode_rows

    folder.mkdir(parents=True, exist_ok=True)
    turns = [(ticket.text, to_answer(ticket.answer)) for ticket in draw_tickets(Random(7), ROWS)]
    chats = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in turns]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chats))
    tokenizer, wide = AutoTokenizer.from_pretrained(model), folder / "model-fp32"
    if peers and not (wide / "config.json").exists():
        AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).save_pretrained(wide)
        tokenizer.save_pretrained(wide)
    given = {"model": str(model), "model_fp32": str(wide), "rows": str(folder / "rows.jsonl"), "steps": steps}
    (folder / "given.json").write_text(json.dumps(given))
    loaded = [(item.line, item.example) for item in examples.load(folder / "rows.jsonl", "")]
    encoded = encode_rows(loaded, tokenizer, cutoff_len=CUTOFF, answers_only=True).encoded
    (folder / "encoded.json").write_text(json.dumps([{"input_ids": e.input_ids, "labels": e.labels} for e in encoded]))


def _run(name: str, folder: Path) -> Told:
    command = [sys.executable, "-m", "benchmarks.trainers", name, str(folder)]
    env = quiet_environment() | {"DISABLE_VERSION_CHECK": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _line(name: str, told: dict[str, list[Told]], tokens: int) -> Line:
    """Seconds of a contender, and how many times as fast the workbench is: in pairs, for the machine drifts."""
    ours = told["workbench_fp32" if name == "llama_factory_fp32" else "workbench"]
    cpu, wall = (median(each[key] for each in told[name]) for key in ("cpu", "wall"))
    measured = f"{tokens / wall:,.0f} tokens/s; {wall:.1f} s, {cpu:.1f} CPU s"
    if name not in GOALS:
        return Line(WORDS[name], measured)
    by_cpu, by_wall = (
        median(theirs[key] / mine[key] for theirs, mine in zip(told[name], ours, strict=True))
        for key in ("cpu", "wall")
    )
    spent = f"{measured}; (d) is {by_cpu:.2f} × as fast in CPU s, {by_wall:.2f} × by the clock"
    return Line(WORDS[name], spent, f"(d) ≥ {GOALS[name]:.1f} ×", by_cpu >= GOALS[name])


def _losses(told: dict[str, list[Told]], folder: Path) -> list[Line]:
    """Step by step in fp32; and of the weights that 16 bits gave, by a forward pass in fp32."""
    lines = []
    for name in ("trl_fp32", "llama_factory_fp32"):
        if name in told:
            pairs = zip(told["workbench_fp32"][0]["losses"], told[name][0]["losses"], strict=True)
            apart = max(abs(one - other) for one, other in pairs)
            what = f"largest difference of a step's loss, (d) in fp32 and {WORDS[name]}"
            lines.append(Line(what, f"{apart:.1e}", f"≤ {SAME:g}", apart <= SAME))
    weighed = _run("weigh", folder)
    off = abs(weighed["workbench"] / weighed["workbench_fp32"] - 1)
    return [
        *lines,
        Line(
            "loss after the run, weights of (d) and of (d) in fp32, forward pass in fp32",
            f"{weighed['workbench']:.4f}, {weighed['workbench_fp32']:.4f}: {off:.2%} apart",
            f"≤ {ALIKE:.0%}",
            off <= ALIKE,
        ),
    ]


def _overhead(folder: Path, ours: list[Told]) -> Line:
    """What the run's events and its looks at the supervisor's word cost, of the seconds of its steps."""
    control, count = Control(folder), 2000
    with EventWriter(folder / "events-bench.jsonl") as events:
        begun = time.monotonic()
        for step in range(count):
            events.emit("metric", step=step, epoch=0.5, loss=1.5, lr=1e-4, grad_norm=0.7, tokens_per_s=200.0)
        each_event = (time.monotonic() - begun) / count
    begun = time.monotonic()
    for _ in range(count):
        control.wanted(), control.orphaned()
    each_look = (time.monotonic() - begun) / count
    (folder / "events-bench.jsonl").unlink()
    one = ours[0]
    spent = one["events"] * each_event + 2 * len(one["losses"]) * each_look
    share = spent / one["wall"]
    what = f"{1e6 * each_event:.0f} µs an event, {1e6 * each_look:.0f} µs a look: {share:.3%} of the steps' time"
    return Line("event log and heartbeat", what, f"< {OVERHEAD_GOAL:.0%}", share < OVERHEAD_GOAL)


def _share_of_peak(folder: Path, told: dict[str, list[Told]], tokens: int) -> Line:
    """Products that LoRA's steps need (frozen weights: forward and the gradient of what goes in, 4 for each weight and
    token; the head on trained tokens only), by the fastest matrix product this machine was seen to do."""
    peak = _run("peak", folder)
    rows = json.loads((folder / "encoded.json").read_text())
    trained = sum(label != -100 for row in rows for label in row["labels"]) / sum(len(row["labels"]) for row in rows)
    needed = 4 * tokens * (peak["body"] + trained * peak["head"])
    done = needed / median(one["wall"] for one in told["workbench"])
    what = f"{done / 1e9:.0f} of {peak['bf16'] / 1e9:.0f} GFLOP/s in bf16 (fp32: {peak['fp32'] / 1e9:.0f})"
    return Line("share of the measured matrix peak", f"{what}: {done / peak['bf16']:.0%}")
