"""The evaluation job: ask every system every row, probe what it still knows, compare, write results.json.

It can be stopped between two tokens and goes on where it stopped: nothing that was answered is asked again.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.evaluation.cases import Case, given_by, labels_of, load_cases, references_are_json, write_rows
from engine.evaluation.facts import with_facts
from engine.evaluation.generate import Generated, encode_prompt, generate
from engine.evaluation.journal import Journal, Output
from engine.evaluation.measures import change
from engine.evaluation.metrics import metrics_for
from engine.evaluation.probing import load_suite, score_suite
from engine.evaluation.results import summarise
from engine.evaluation.scoring import Scoring
from engine.evaluation.spec import EvaluationSpec, SystemSpec, read_spec
from engine.evaluation.suite_files import load_file
from engine.evaluation.systems import Ready, Stable, System
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED

MERGE_FROM = 16
"""Folding an adapter into the weights takes about as long as a few answers: worth it from this many rows."""

LATENCY_BUDGET_S = 30.0
LATENCY_AT_LEAST = 3
_LOOK_EVERY_S = 0.5
_TELL_EVERY_S = 1.0


class Stopped(Exception):
    """The person or a lost supervisor wants the job to end; what is done is on disk."""


def evaluate(document: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of the job, as engine.job.run_job calls it. Returns the exit code: 0 done, 3 stopped."""
    return Evaluation(read_spec(document), events, control, run_dir).run()


class Evaluation:
    """One run of the job, from reading its rows to its verdict."""

    def __init__(self, spec: EvaluationSpec, events: EventWriter, control: Control, run_dir: Path) -> None:
        self.spec = spec
        self.events = events
        self.run_dir = run_dir
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

    def run(self) -> int:
        stable = Stable(self.spec.model)
        try:
            for system in self._by_model():
                self._ask(stable, system)
        except Stopped:
            self.events.emit("status", status="stopped", text="Stopped; answers so far are kept and not asked again.")
            return STOPPED
        finally:
            stable.close()
        self.events.emit("status", status="comparing", text="Comparing the systems")
        answers = {system.key: self.journal.of(system.key) for system in self.spec.systems}
        results = summarise(self.spec, self.cases, answers, self.metrics, self.journal.state)
        partial = self.run_dir / "results.partial"
        partial.write_text(json.dumps(results, indent=1))
        partial.replace(self.run_dir / "results.json")
        self.events.emit(
            "done", n=results["n"], verdict=results["verdict"]["word"], sentence=results["verdict"]["sentence"]
        )
        return SUCCEEDED

    def _by_model(self) -> list[SystemSpec]:
        """The baseline first, then systems of the same whole model together: each model is loaded once."""
        spec = self.spec
        first = next(system for system in spec.systems if system.key == spec.baseline)
        home = first.model or spec.model
        others: list[Path] = list(dict.fromkeys(s.model or spec.model for s in spec.systems))
        return sorted(
            spec.systems,
            key=lambda s: (s is not first, (s.model or spec.model) != home, others.index(s.model or spec.model)),
        )

    def _ask(self, stable: Stable, system: SystemSpec) -> None:
        missing = self.journal.missing(system.key, len(self.cases))
        probed = self.journal.state["probes"].get(system.key)
        if not missing and (probed is not None or not self.suites):
            if probed:
                self._tell_probes(system.key, probed)
            return
        self.events.emit("status", status="loading", system=system.key, text=f"Loading {system.name}")
        lent = System(system.key, system.name, system.adapter, system.model)
        with stable.lend(lent, merge=len(missing) >= MERGE_FROM) as ready:
            self._generate(ready, missing)
            if self.suites and probed is None:
                self._probe(ready)

    def _generate(self, ready: Ready, missing: list[int]) -> None:
        if not missing:
            return
        self.events.emit("status", status="generating", system=ready.system.key, text=f"{ready.system.name} answers")
        prompts = {
            row: encode_prompt(ready.tokenizer, self.cases[row].messages, self.cases[row].tools) for row in missing
        }
        limit = self.spec.max_new_tokens or self._answer_room(ready.tokenizer)
        timing = self.journal.state["systems"].setdefault(ready.system.key, {"batch_seconds": 0.0, "batch_tokens": 0})
        timing["merged"] = ready.merged
        self._time_alone(ready, prompts, limit)
        left = [row for row in missing if (ready.system.key, row) not in self.journal.outputs]
        self._warn_of_long(ready, [len(prompts[row]) for row in left], limit)
        for batch in generate(
            ready.model,
            ready.tokenizer,
            [prompts[row] for row in left],
            max_new_tokens=limit,
            batch_size=self.spec.batch_size,
            on_step=self.listen,
        ):
            self._record(ready.system.key, [left[answer.index] for answer in batch], batch)
            timing["batch_seconds"] += max(answer.seconds for answer in batch)
            timing["batch_tokens"] += sum(answer.tokens_out for answer in batch)
            self.journal.save_state()

    def _time_alone(self, ready: Ready, prompts: dict[int, list[int]], limit: int) -> None:
        """Answer a few rows one at a time: their latency is that of a request alone. Same rows for every system."""
        order = list(range(len(self.cases)))
        random.Random(self.spec.seed).shuffle(order)
        sample = [row for row in order[: self.spec.latency_rows] if row in prompts]
        if not sample:
            return
        shortest = min(prompts.values(), key=len)
        list(generate(ready.model, ready.tokenizer, [shortest], max_new_tokens=2))  # the first call sets things up
        started = time.monotonic()
        for done, row in enumerate(sample):
            if done >= LATENCY_AT_LEAST and time.monotonic() - started > LATENCY_BUDGET_S:
                break
            (batch,) = generate(
                ready.model, ready.tokenizer, [prompts[row]], max_new_tokens=limit, batch_size=1, on_step=self.listen
            )
            self._record(ready.system.key, [row], batch, alone=True)

    def _record(self, system: str, rows: list[int], batch: list[Generated], *, alone: bool = False) -> None:
        self.journal.append(
            [self._output(system, self.cases[row], answer, alone) for row, answer in zip(rows, batch, strict=True)]
        )
        self.clock.answered(system, len(batch), sum(answer.tokens_out for answer in batch))

    def _output(self, system: str, case: Case, answer: Generated, alone: bool) -> Output:
        output = Output(
            case.row, case.row_id, case.line, system, answer.text, {}, answer.seconds,
            answer.tokens_in, answer.tokens_out, answer.batch, alone, answer.ended,
        )  # fmt: skip
        return self.scoring.scored(case, output)

    def _answer_room(self, tokenizer: Any) -> int:
        longest = max(len(tokenizer(case.reference)["input_ids"]) for case in self.cases)
        return max(32, min(512, 2 * longest))

    def _warn_of_long(self, ready: Ready, lengths: list[int], limit: int) -> None:
        context = int(getattr(ready.model.config, "max_position_embeddings", None) or 1 << 30)
        long = sum(length > context - limit for length in lengths)
        if long:
            self.events.emit(
                "warning",
                code="over_context",
                text=f"{long} prompts leave no room for an answer of {limit} tokens in {ready.system.name}'s context "
                f"of {context}; they lose their beginning.",
            )

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


class Listener:
    """Called before each token; looks at the control file now and then, and raises Stopped."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._next = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _LOOK_EVERY_S
        if self._control.wanted() or self._control.orphaned():
            raise Stopped


class Clock:
    """Progress in answers over all systems, and the time left at the pace so far."""

    def __init__(self, events: EventWriter, total: int, done: int, now: Callable[[], float] = time.monotonic) -> None:
        self._events, self._total, self._done, self._now = events, total, done, now
        self._tokens = 0
        self._began = now()
        self._at_start = done
        self._told = -_TELL_EVERY_S

    def answered(self, system: str, rows: int, tokens: int) -> None:
        self._done += rows
        self._tokens += tokens
        now = self._now()
        if now - self._told < _TELL_EVERY_S and self._done < self._total:
            return
        self._told = now
        pace = (now - self._began) / max(1, self._done - self._at_start)
        self._events.emit(
            "progress",
            step=self._done,
            total=self._total,
            eta_s=round(pace * (self._total - self._done), 1),
            tokens=self._tokens,
            system=system,
        )
