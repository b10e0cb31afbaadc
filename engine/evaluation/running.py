"""The evaluation job: ask every system every row, probe what it still knows, compare, write results.json.

It can be stopped between two tokens and goes on where it stopped: nothing that was answered is asked again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.evaluation.cases import given_by, labels_of, load_cases, references_are_json, write_rows
from engine.evaluation.diagnosis.judged import JudgeRun, name_causes
from engine.evaluation.facts import with_facts
from engine.evaluation.journal import Journal, Output
from engine.evaluation.judging import JUDGE_KEY_VARIABLE
from engine.evaluation.judging.judging import judge_answers
from engine.evaluation.local import Job, ask_weights
from engine.evaluation.measures import change
from engine.evaluation.metrics import metrics_for
from engine.evaluation.probing import load_suite, score_suite
from engine.evaluation.progress import Clock, Listener
from engine.evaluation.recorder import Answered, Recorder
from engine.evaluation.remote import ask_endpoint, take_key
from engine.evaluation.results import summarise
from engine.evaluation.scoring import Scoring
from engine.evaluation.spec import EvaluationSpec, SystemSpec, read_spec
from engine.evaluation.store import Kept, Store
from engine.evaluation.suite_files import load_file
from engine.evaluation.systems import Asked, load
from engine.evaluation.systems.materials import Materials
from engine.evaluation.weights import Ready, Stable
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED
from engine.teachers import Stopped, key_variable


def evaluate(document: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of the job, as engine.job.run_job calls it. Returns the exit code: 0 done, 3 stopped."""
    return Evaluation(read_spec(document), events, control, run_dir).run()


class Evaluation:
    """One run of the job, from reading its rows to its verdict."""

    def __init__(self, spec: EvaluationSpec, events: EventWriter, control: Control, run_dir: Path) -> None:
        self.spec = spec
        self.events = events
        self.run_dir = run_dir
        variables = {s.key: key_variable(s.endpoint) for s in spec.systems if s.endpoint}
        taken = {variable: take_key(variable) for variable in dict.fromkeys(variables.values())}  # two may share one
        self.keys = {key: taken[variable] for key, variable in variables.items()}
        events.emit("status", status="reading", text="Reading the rows")
        self.cases = with_facts(load_cases(spec), spec)
        write_rows(self.cases, run_dir / "rows.jsonl")
        self.journal = Journal(run_dir)
        self.labels = labels_of(self.cases)
        default = metrics_for(spec.task_type, references_are_json(self.cases), given_by(self.cases))
        self.metrics = list(spec.metrics) if spec.metrics else default
        self.scoring = Scoring(spec, self.metrics, self.labels)
        self.suites = [*map(load_suite, spec.suites), *map(load_file, spec.suite_files)]
        self.listen = Listener(control)
        self.clock = Clock(events, len(self.cases) * len(spec.systems), len(self.journal.outputs))
        self.materials = Materials(self.cases, spec.training_rows, spec.documents, spec.embedder)

    def run(self) -> int:
        stable = Stable(self.spec.model)
        store = Store(self.spec.cache, self.spec.cache_bytes)
        try:
            with Recorder(self.cases, self.scoring, self.journal, self.clock) as recorder:
                job = Job(self.spec, self.cases, self.journal, recorder, store, self.listen, self.events)
                for system in self._in_order():
                    self._ask(job, stable, system)
                    recorder.settle()
        except Stopped:
            self.events.emit("status", status="stopped", text="Stopped; answers so far are kept and not asked again.")
            return STOPPED
        finally:
            stable.close()
            store.close()
        answers = {system.key: self.journal.of(system.key) for system in self.spec.systems}
        try:
            key = os.environ.get(JUDGE_KEY_VARIABLE, "")
            lent = JudgeRun(self.run_dir, key, self.listen.wants_end, self.events)
            name_causes(self.spec, self.cases, answers, self.metrics, self.journal, lent)
            judged = judge_answers(self.spec, self.cases, answers, self.run_dir, self.listen.wants_end, self.events)
        except Stopped:
            self.events.emit("status", status="stopped", text="Stopped; verdicts so far are kept and not asked again.")
            return STOPPED
        return self._conclude(answers, judged)

    def _conclude(self, answers: dict[str, dict[int, Output]], judged: dict[str, Any] | None) -> int:
        self.events.emit("status", status="comparing", text="Comparing the systems")
        results = summarise(self.spec, self.cases, answers, self.metrics, self.journal.state)
        if judged is not None:
            results["judge"] = judged
        partial = self.run_dir / "results.partial"
        partial.write_text(json.dumps(results, indent=1))
        partial.replace(self.run_dir / "results.json")
        self.events.emit(
            "done", n=results["n"], verdict=results["verdict"]["word"], sentence=results["verdict"]["sentence"]
        )
        return SUCCEEDED

    def _in_order(self) -> list[SystemSpec]:
        """What needs no model, then endpoints (a refused key shows before hours of work), then the baseline and the
        systems of the same whole model together: each model is loaded once."""
        spec = self.spec
        first = next(system for system in spec.systems if system.key == spec.baseline)
        turn = {"rule": 0, "endpoint": 1, "weights": 2}
        homes = list(dict.fromkeys(str(s.model or spec.model) for s in (first, *spec.systems)))
        return sorted(
            spec.systems,
            key=lambda s: (
                turn[s.answers],
                homes.index(str(s.model or spec.model)),
                s is not first,
                # One adapter is put on once, whatever its prompts.
                str(s.adapter or ""),
            ),
        )

    def _ask(self, job: Job, stable: Stable, system: SystemSpec) -> None:
        missing = self.journal.missing(system.key, len(self.cases))
        asked = self._asked(system, missing)
        if system.answers == "rule":
            job.recorder.take(system, [Answered(row, _at_once(one), one) for row, one in asked.items()])
        elif system.answers == "endpoint":
            if missing:
                ask_endpoint(job, system, asked, self.keys[system.key])
        else:
            self._find_probes(system)
            probed = self.journal.state["probes"].get(system.key)
            if probed:
                self._tell_probes(system.key, probed)
            unknown = bool(self.suites) and probed is None
            if missing or unknown:
                ask_weights(job, stable, system, asked, (lambda ready: self._probe(ready)) if unknown else None)

    def _asked(self, system: SystemSpec, rows: list[int]) -> dict[int, Asked]:
        if not rows:
            return {}
        prompting = load(system.kind).prepare(system.options, self.materials)
        return {row: prompting(self.cases[row]) for row in rows}

    def _find_probes(self, system: SystemSpec) -> None:
        """What a model knows is a matter of its weights: another prompt over them needs no probe of its own."""
        probes = self.journal.state["probes"]
        if system.key in probes:
            return
        for other in self.spec.systems:
            same = (other.model, other.adapter) == (system.model, system.adapter) and other.answers == "weights"
            if same and other.key in probes:
                probes[system.key] = probes[other.key]
                self.journal.save_state()
                return

    def _probe(self, ready: Ready) -> None:
        self.events.emit("status", status="probing", system=ready.system.key, text=f"Probing {ready.system.name}")
        scores = []
        for suite in self.suites:
            found = score_suite(ready.model, ready.tokenizer, suite, on_progress=lambda *_: self.listen())
            scores += [score.to_json(items=True) for score in found]
        self.journal.state["probes"][ready.system.key] = scores
        self.journal.save_state()
        self._tell_probes(ready.system.key, scores)

    def _tell_probes(self, system: str, scores: list[dict[str, Any]]) -> None:
        base = self.journal.state["probes"].get(self.spec.baseline, [])
        known = {(score["suite"], score["measure"]): score["score"] for score in base}
        for score in scores:
            baseline = known.get((score["suite"], score["measure"]), score["score"])
            self.events.emit(
                "probe",
                step=0,
                system=system,
                baseline=baseline,
                change=change(baseline, score["score"], score["measure"]),
                **{name: value for name, value in score.items() if name != "items"},
            )


def _at_once(asked: Asked) -> Kept:
    """The answer of a kind that needs no model."""
    return Kept(asked.answer or "", 0, 0, True, 0, 0.0, None, 1, False, 0.0)
