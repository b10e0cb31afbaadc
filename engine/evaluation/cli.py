"""The evaluation's two commands: `evaluate RUN_DIR` and `score FILE --model DIR`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.job import run_job

REFUSED = 2

# Threads that spin while they wait slow every neighbour, and this job, several times over. Read when torch starts.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def evaluate_main(argv: list[str]) -> int:
    """`evaluate RUN_DIR`: run the evaluation that RUN_DIR/spec.json describes, as a supervised job."""
    parser = argparse.ArgumentParser(prog="engine evaluate")
    parser.add_argument("run_dir", type=Path)
    run_dir = parser.parse_args(argv).run_dir
    from engine.evaluation.running import evaluate

    return run_job(run_dir, evaluate)


def score_main(argv: list[str]) -> int:
    """`score FILE --model DIR [--adapter DIR] --json`: acc, acc_norm, n and per-row log-likelihoods.

    Exit 0 when it was scored, 2 when it was refused, with `refused {reason, found, remedy}`.
    """
    parser = argparse.ArgumentParser(prog="engine score", description=score_main.__doc__)
    parser.add_argument("file", type=Path, help="JSON lines with query, choices and gold (the index of the right one)")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--adapter", type=Path, help="folder of an adapter trained from it")
    parser.add_argument("--delimiter", default=" ", help="what stands between query and choice (default: one blank)")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--limit", type=int, help="score the first N rows only")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a line")
    options = parser.parse_args(argv)
    try:
        document = score_file(options)
    except EngineError as error:
        refused = {"refused": {"reason": error.reason, "found": error.text, "remedy": error.remedy}}
        print(json.dumps(refused) if options.json else f"{error.text} {error.remedy}", file=sys.stdout)
        return REFUSED
    if options.json:
        print(json.dumps(document))
    else:
        print(f"acc {document['acc']:.4f}  acc_norm {document['acc_norm']:.4f}  n {document['n']}")
    return 0


def score_file(options: argparse.Namespace) -> dict[str, Any]:
    """Score the rows of options.file; raises EngineError naming the line of a row that cannot be scored."""
    from engine.evaluation.choices import score_questions
    from engine.evaluation.precision import measuring
    from engine.evaluation.significance import wilson
    from engine.evaluation.weights import Stable, System

    rows = read_questions(options.file, options.limit)
    questions = [question for _, question in rows]
    with Stable(options.model).lend(System("scored", "scored", options.adapter)) as ready, measuring(ready.model):
        started = time.perf_counter()
        scored = score_questions(
            ready.model,
            ready.tokenizer,
            questions,
            batch_size=options.batch_size,
            delimiter=options.delimiter,
        )
        seconds = time.perf_counter() - started
    n = len(scored)
    right, right_norm = sum(s.correct for s in scored), sum(s.correct_norm for s in scored)
    intervals = {"acc": wilson(right, n), "acc_norm": wilson(right_norm, n)}
    return {
        "schema_version": 1,
        "n": n,
        "acc": right / n,
        "acc_norm": right_norm / n,
        "intervals": {name: [interval.low, interval.high] for name, interval in intervals.items()},
        "delimiter": options.delimiter,
        "seconds": seconds,
        "rows": [
            {
                "line": line,
                "log_likelihoods": list(s.log_likelihoods),
                "choice": s.choice,
                "choice_norm": s.choice_norm,
                "gold": question.gold,
            }
            for (line, question), s in zip(rows, scored, strict=True)
        ],
    }


def read_questions(path: Path, limit: int | None = None) -> list[tuple[int, Any]]:
    """(physical line, Question) of each row; raises EngineError("Data") for the first line that is none."""
    from engine.evaluation.choices import Question

    found: list[tuple[int, Any]] = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if limit is not None and len(found) >= limit:
                    break
                if line.strip():
                    found.append((number, _question(Question, path, number, line)))
    except (OSError, UnicodeDecodeError) as problem:
        raise EngineError("Data", f"{path} could not be read: {problem}.", "Give a UTF-8 file.") from problem
    if not found:
        raise EngineError("Data", f"{path} has no rows.", "Give one JSON object a line: query, choices, gold.")
    return found


def _question(kind: Any, path: Path, number: int, line: str) -> Any:
    remedy = 'Write {"query": "…", "choices": ["…", "…"], "gold": 0} on that line.'
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise EngineError("Data", f"{path.name} line {number} is not JSON: {problem}.", remedy) from problem
    query, choices, gold = (row.get(k) if isinstance(row, dict) else None for k in ("query", "choices", "gold"))
    if not isinstance(query, str):
        raise EngineError("Data", f"{path.name} line {number}: query is {query!r:.80}, not a text.", remedy)
    if not isinstance(choices, list) or not choices or not all(isinstance(c, str) and c for c in choices):
        raise EngineError("Data", f"{path.name} line {number}: choices is not a list of texts.", remedy)
    if not isinstance(gold, int) or isinstance(gold, bool) or not 0 <= gold < len(choices):
        raise EngineError("Data", f"{path.name} line {number}: gold is {gold!r:.80} of {len(choices)} choices.", remedy)
    return kind(query, tuple(choices), gold)
