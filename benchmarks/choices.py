"""Multiple choice beside lm-evaluation-harness: the same rows, model, threads and precision, in turn.

``python -m benchmarks.choices record`` writes the harness's log-likelihoods of all rows to ``FIXTURE``, which the tests
compare with. Both need `WORKBENCH_BENCH_HARNESS`, a Python that has ``lm_eval`` (docs/benchmarks.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import Line, Options
from engine.process import quiet_environment

TITLE = "Multiple choice, starter model, fp32"
ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT.parent / "shared" / "data" / "llmfoundry_eval"
FIXTURE = ROOT / "tests" / "engine" / "evaluation" / "harness_rows.json"
TASKS = ("arc_easy", "piqa")
COUNT, PAIRS, EXAMPLES = 200, 3, 3
BATCHES = (4, 16, 32)
GOAL, SAME = 1.2, 2e-3
Told = dict[str, Any]


def questions(task: str, count: int | None = None, examples: int = 0) -> list[dict[str, Any]]:
    """Rows as the harness's own tasks ask them (“Question: …\\nAnswer:”), after the first ``examples`` of the file."""
    rows = [json.loads(line) for line in (ROWS / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = [{**row, "query": f"{row['query'].rstrip()}\nAnswer:"} for row in rows]
    shown = "".join(f"{row['query']} {row['choices'][row['gold']]}\n\n" for row in asked[:examples])
    rest = asked[examples:][:count]
    return [
        {key: shown + row[key] if key == "query" else row[key] for key in ("query", "choices", "gold")} for row in rest
    ]


def measure(options: Options) -> list[Line]:
    if options.model is None or not ROWS.is_dir():
        return [
            Line("starter model and public rows", f"not there: make test fetches the model; the rows are in {ROWS}")
        ]
    folder, count = options.folder / "choices", min(COUNT, max(20, options.rows // 2000))
    harness, pairs = os.environ.get("WORKBENCH_BENCH_HARNESS"), PAIRS if count == COUNT else 1
    batch = _best_batch(harness, options.model, folder) if harness and count == COUNT else BATCHES[1]
    _give(folder, options.model, batch, {**{t: questions(t, count) for t in TASKS}, **_shown(count)})
    told: dict[str, list[Told]] = {"workbench": [], "harness": []}
    for _ in range(pairs):
        told["workbench"].append(_run([sys.executable, "-m", "benchmarks.choices"], folder))
        if harness:
            told["harness"].append(_run([harness, str(Path(__file__).with_name("choices_harness.py"))], folder))
    lines = [Line("rows of each task; times in turn; batch of the harness", f"{count}; {pairs}; {batch}")]
    if not harness:
        lines.append(Line("lm-evaluation-harness", "not measured: WORKBENCH_BENCH_HARNESS names no Python that has it"))
    for task in told["workbench"][0]["tasks"]:
        lines += _lines(
            task, [one["tasks"][task] for one in told["workbench"]], [one["tasks"][task] for one in told["harness"]]
        )
    return lines


def _shown(count: int) -> dict[str, list[dict[str, Any]]]:
    return {f"arc_easy, {EXAMPLES} examples in front": questions("arc_easy", max(20, count // 4), EXAMPLES)}


def _best_batch(harness: str, model: Path, folder: Path) -> int:
    """The batch with which the harness needs the fewest CPU seconds."""
    spent = {}
    for batch in BATCHES:
        _give(folder, model, batch, {task: questions(task, 40) for task in TASKS})
        told = _run([harness, str(Path(__file__).with_name("choices_harness.py"))], folder)
        spent[batch] = sum(one["cpu"] for one in told["tasks"].values())
    return min(spent, key=spent.__getitem__)


def _give(folder: Path, model: Path, batch: int, asked: dict[str, list[dict[str, Any]]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tasks = []
    for number, (name, rows) in enumerate(asked.items()):
        file = folder / f"task{number}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        tasks.append({"name": name, "rows": str(file), "delimiter": " "})
    given = {"model": str(model), "batch_size": batch, "tasks": tasks}
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")


def _run(command: list[str], folder: Path) -> Told:
    out, home = folder / "out.json", {"HF_HOME": str(folder / "cache")}
    done = subprocess.run(
        [*command, str(folder / "given.json"), str(out)],
        env=quiet_environment() | home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]} failed: {done.stderr[-2000:]}")
    told: Told = json.loads(out.read_text(encoding="utf-8"))
    return told


def _lines(task: str, ours: list[Told], theirs: list[Told]) -> list[Line]:
    count = len(ours[0]["rows"])
    wall, cpu = (median(one[key] for one in ours) for key in ("wall", "cpu"))
    accuracy = f"acc {ours[0]['acc']:.4f}, acc_norm {ours[0]['acc_norm']:.4f}"
    found = f"{count / cpu:.2f} rows a CPU s, {count / wall:.2f} rows/s; {accuracy}"
    lines = [Line(f"{task}: the workbench", found)]
    if not theirs:
        return lines
    by_cpu, by_wall = (median(b[key] / a[key] for a, b in zip(ours, theirs, strict=True)) for key in ("cpu", "wall"))
    apart = max(
        abs(x - y) for a, b in zip(ours[0]["rows"], theirs[0]["rows"], strict=True) for x, y in zip(a, b, strict=True)
    )
    same = all(ours[0][key] == theirs[0][key] for key in ("acc", "acc_norm"))
    wall, cpu = (median(one[key] for one in theirs) for key in ("wall", "cpu"))
    return [
        *lines,
        Line(
            f"{task}: lm-evaluation-harness",
            f"{count / cpu:.2f} rows a CPU s, {count / wall:.2f} rows/s; the workbench is "
            f"{by_cpu:.2f} × as fast in CPU s, {by_wall:.2f} × by the clock",
            f"≥ {GOAL} ×",
            by_cpu >= GOAL,
        ),
        Line(
            f"{task}: largest difference of a log-likelihood; acc and acc_norm equal",
            f"{apart:.1e}; {same}",
            f"≤ {SAME:g}; True",
            same and apart <= SAME,
        ),
    ]


def score(given_file: str, out_file: str) -> None:
    """Our leg, in a process of its own."""
    from engine.evaluation.choices import Question, score_questions
    from engine.evaluation.precision import measuring
    from engine.evaluation.weights import Stable, System

    given, told = json.loads(Path(given_file).read_text(encoding="utf-8")), {}
    with Stable(Path(given["model"])).lend(System("scored", "scored", None)) as ready, measuring(ready.model):
        for task in given["tasks"]:
            rows = [json.loads(line) for line in Path(task["rows"]).read_text(encoding="utf-8").splitlines()]
            asked = [Question(row["query"], tuple(row["choices"]), row["gold"]) for row in rows]
            wall, cpu = time.perf_counter(), time.process_time()
            found = score_questions(ready.model, ready.tokenizer, asked, delimiter=task["delimiter"])
            told[task["name"]] = {
                "wall": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "acc": sum(one.correct for one in found) / len(found),
                "acc_norm": sum(one.correct_norm for one in found) / len(found),
                "rows": [list(one.log_likelihoods) for one in found],
            }
    Path(out_file).write_text(json.dumps({"tasks": told}), encoding="utf-8")


def record(model: Path, folder: Path, count: int | None = None) -> None:
    """The harness on the first ``count`` rows (None: all), written to FIXTURE: numbers only, no text of a row."""
    _give(folder, model, 16, {task: questions(task, count) for task in TASKS})
    keep(_run([os.environ["WORKBENCH_BENCH_HARNESS"], str(Path(__file__).with_name("choices_harness.py"))], folder))


def keep(told: Told) -> None:
    tasks = {
        name: {
            "acc": task["acc"],
            "acc_norm": task["acc_norm"],
            "rows": [[round(one, 4) for one in row] for row in task["rows"]],
        }
        for name, task in told["tasks"].items()
    }
    text = json.dumps({"lm_eval": told["lm_eval"], "model": "smollm2-135m-instruct, fp32", "tasks": tasks})
    FIXTURE.write_text(text.replace("]], ", "]],\n").replace("], [", "],\n[") + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "record":
        starter = ROOT / "var" / "models" / "smollm2-135m-instruct"
        record(starter, Path(sys.argv[2] if len(sys.argv) > 2 else "/tmp/workbench-bench/choices"))
    else:
        score(*sys.argv[1:3])
