"""An evaluation's results once more, from the files of its run: same files and limits, same words. No torch."""

from __future__ import annotations

import argparse
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.evaluation.cases import Case
from engine.evaluation.journal import Journal
from engine.evaluation.judging.judging import judged_again
from engine.evaluation.limits import GateLimits, read_limits
from engine.evaluation.metrics import METRICS
from engine.evaluation.results import summarise, with_gates
from engine.evaluation.spec import read_spec

DECIDED = ("gates", "decision", "limits")
"""What of a results document the gates made; the rest is measured."""

REFUSED = 2


def recompute(run_dir: Path, limits: GateLimits | None = None) -> dict[str, Any]:
    """The results document from spec.json, rows.jsonl, outputs.jsonl and state.json, before other limits if given.

    Raises EngineError("Data") when a file is missing or an answer is.
    """
    try:
        spec = read_spec(json.loads((run_dir / "spec.json").read_text(encoding="utf-8")))
        cases = [_case(json.loads(line)) for line in (run_dir / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
        stored = json.loads((run_dir / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as problem:
        raise EngineError(
            "Data", f"{run_dir} holds no finished evaluation: {problem}.", "Give the directory of a run that succeeded."
        ) from problem
    journal = Journal(run_dir)
    missing = {system.key: len(journal.missing(system.key, len(cases))) for system in spec.systems}
    if any(missing.values()):
        raise EngineError(
            "Data",
            f"Answers are missing in {run_dir}: {missing}.",
            "Start the evaluation again; it goes on where it was.",
        )
    answers = {system.key: journal.of(system.key) for system in spec.systems}
    metrics = [name for name in stored["systems"][spec.baseline]["metrics"] if name in METRICS]
    results = summarise(spec, cases, answers, metrics, journal.state)
    results |= judged_again(spec, cases, answers, run_dir, stored)
    return results if limits is None else with_gates(results, limits)


def digest(results: dict[str, Any]) -> str:
    """SHA-256 of what was measured: the document without what the gates made of it."""
    measured = _without_sign_of_zero({name: value for name, value in results.items() if name not in DECIDED})
    plain = json.dumps(measured, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _without_sign_of_zero(value: Any) -> Any:
    """A database may keep -0.0 as 0.0; it is the same figure."""
    if isinstance(value, dict):
        return {name: _without_sign_of_zero(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_sign_of_zero(item) for item in value]
    return 0.0 if isinstance(value, float) and value == 0 else value


@lru_cache(maxsize=1)
def rules_digest() -> str:
    """SHA-256 of the engine's evaluation code, which every verdict is an outcome of."""
    found = hashlib.sha256()
    home = Path(__file__).parent
    for path in sorted(home.rglob("*.py")):
        found.update(f"{path.relative_to(home).as_posix()}\n".encode() + path.read_bytes())
    return found.hexdigest()


def verdict_main(argv: list[str]) -> int:
    """`verdict RUN_DIR [--gates FILE] --json`: the decision and every gate, computed again from the answers.

    Exit 0 when it could be computed, 2 when it was refused, with `refused {reason, found, remedy}`.
    """
    parser = argparse.ArgumentParser(prog="engine verdict", description=verdict_main.__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--gates", type=Path, help="JSON file of limits; without it, those of the evaluation")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of sentences")
    options = parser.parse_args(argv)
    try:
        results = recompute(options.run_dir, _limits(options.gates))
    except EngineError as error:
        refused = {"refused": {"reason": error.reason, "found": error.text, "remedy": error.remedy}}
        print(json.dumps(refused) if options.json else f"{error.text} {error.remedy}")
        return REFUSED
    stored = json.loads((options.run_dir / "results.json").read_text(encoding="utf-8"))
    measured = digest(results)
    document = {
        "schema_version": results["schema_version"],
        "verdict": results["verdict"]["sentence"],
        **{name: results[name] for name in DECIDED},
        "results_sha256": measured,
        "rules_sha256": rules_digest(),
        "as_stored": measured == digest(stored),
    }
    print(
        json.dumps(document, indent=1) if options.json else f"{results['decision']['sentence']}\n{document['verdict']}"
    )
    return 0


def _limits(file: Path | None) -> GateLimits | None:
    if file is None:
        return None
    try:
        return read_limits(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError) as problem:
        raise EngineError(
            "Config", f"{file} holds no limits: {problem}.", 'Write {"minimum_gain": 2} and the like.'
        ) from problem


def _case(line: dict[str, Any]) -> Case:
    return Case(
        line["row"],
        line["row_id"],
        line["line"],
        tuple(line["messages"]),
        line["reference"],
        None,
        line.get("facts") or {},
    )
