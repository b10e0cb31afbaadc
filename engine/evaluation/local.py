"""A system whose weights are on this machine: a few rows alone for their latency, the others in batches, none twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.generate import Generated, encode_prompt, generate
from engine.evaluation.journal import Journal
from engine.evaluation.progress import Listener
from engine.evaluation.recorder import Answered, Recorder
from engine.evaluation.spec import EvaluationSpec, SystemSpec
from engine.evaluation.store import Kept, Store
from engine.evaluation.store_keys import content_of, dated, weights_key
from engine.evaluation.systems import Asked
from engine.evaluation.weights import Ready, Stable, System, load_tokenizer
from engine.events import EventWriter

MERGE_FROM = 16
"""Folding an adapter into the weights takes about as long as a few answers: worth it from this many rows."""

LATENCY_BUDGET_S = 30.0
LATENCY_AT_LEAST = 3


@dataclass
class Job:
    """What asking a system needs, whatever its kind."""

    spec: EvaluationSpec
    cases: list[Case]
    journal: Journal
    recorder: Recorder
    store: Store
    listen: Listener
    events: EventWriter

    def latency_sample(self) -> list[int]:
        """The rows asked alone, in the order they are asked: the same for every system."""
        order = list(range(len(self.cases)))
        random.Random(self.spec.seed).shuffle(order)
        return order[: self.spec.latency_rows]


def ask_weights(
    job: Job, stable: Stable, system: SystemSpec, asked: dict[int, Asked], probe: Callable[[Ready], None] | None
) -> None:
    """Answers the rows of ``asked``; ``probe`` is called with the weights while they are there. The model is loaded
    only when something is left to do. Raises EngineError, Stopped."""
    asking = _Asking(job, stable, system, asked)
    left = asking.take_kept() if asked else []
    if not left and probe is None:
        return
    job.events.emit("status", status="loading", system=system.key, text=f"Loading {system.name}")
    lent = System(system.key, system.name, system.adapter, system.model)
    with stable.lend(lent, merge=len(left) >= MERGE_FROM) as ready:
        if left:
            asking.generate(ready, left)
        if probe is not None:
            job.recorder.settle()
            probe(ready)


class _Asking:
    def __init__(self, job: Job, stable: Stable, system: SystemSpec, asked: dict[int, Asked]) -> None:
        self.job, self.system, self.asked = job, system, asked
        self.home = stable.home(system.model)
        self.keys: dict[int, str] = {}
        self.limit = 0

    def take_kept(self) -> list[int]:
        """Records what was generated before, and gives the rows that are left, the latency sample in front."""
        job = self.job
        content = content_of(job.store, self.home, self.system.adapter)
        today = dated(self.home)
        self.limit = job.spec.max_new_tokens or answer_room(load_tokenizer(self.home), job.cases)
        for row, asked in self.asked.items():
            tools = job.cases[row].tools
            self.keys[row] = weights_key(str(content), asked.messages, tools, today=today)
        kept = {row: one for row, key in self.keys.items() if (one := job.store.get(key, self.limit)) is not None}
        sample = [row for row in job.latency_sample() if row in self.asked]
        timed = [row for row in sample if row in kept and kept[row].alone]
        enough = len(timed) >= min(LATENCY_AT_LEAST, len(sample))
        again = set() if enough else {row for row in sample if row not in timed}
        there = [row for row in kept if row not in again]
        self._record([Answered(row, kept[row], self.asked[row], True, row in timed) for row in there])
        if there:
            text = f"{len(there)} of {len(self.asked)} answers of {self.system.name} were generated before"
            job.events.emit("status", status="cached", system=self.system.key, text=text)
        left = [row for row in self.asked if row not in there]
        return sorted(left, key=lambda row: (row not in again, row))

    def generate(self, ready: Ready, left: list[int]) -> None:
        job, key = self.job, self.system.key
        job.events.emit("status", status="generating", system=key, text=f"{self.system.name} answers")
        prompts = {row: encode_prompt(ready.tokenizer, self.asked[row].messages, job.cases[row].tools) for row in left}
        timing = job.journal.state["systems"].setdefault(key, {"batch_seconds": 0.0, "batch_tokens": 0})
        timing["merged"] = ready.merged
        done = self._time_alone(ready, prompts)
        rest = [row for row in left if row not in done]
        rest, twins = self._apart(rest)
        if not rest:
            return
        self._warn_of_long(ready, [len(prompts[row]) for row in rest])
        for batch in generate(
            ready.model,
            ready.tokenizer,
            [prompts[row] for row in rest],
            max_new_tokens=self.limit,
            batch_size=job.spec.batch_size,
            on_step=job.listen,
        ):
            rows = [rest[answer.index] for answer in batch]
            self._made(rows, batch, prompts, twins)
            timing["batch_seconds"] += max(answer.seconds for answer in batch)
            timing["batch_tokens"] += sum(answer.tokens_out for answer in batch)
            job.journal.save_state()

    def _apart(self, rows: list[int]) -> tuple[list[int], dict[int, list[int]]]:
        """The rows without those that ask the very same, and of each row those others; what the store has by now is
        recorded at once."""
        first: dict[str, int] = {}
        twins: dict[int, list[int]] = {}
        for row in rows:
            kept = self.job.store.get(self.keys[row], self.limit)
            if kept is not None:
                self._record([Answered(row, kept, self.asked[row], True)])
            elif self.keys[row] in first:
                twins.setdefault(first[self.keys[row]], []).append(row)
            else:
                first[self.keys[row]] = row
        return list(first.values()), twins

    def _time_alone(self, ready: Ready, prompts: dict[int, list[int]]) -> set[int]:
        """Answers a few rows one at a time: their latency is that of a request alone. Gives the rows done."""
        job = self.job
        sample = [row for row in job.latency_sample() if row in prompts]
        done: set[int] = set()
        if not sample:
            return done
        shortest = min(prompts.values(), key=len)
        list(generate(ready.model, ready.tokenizer, [shortest], max_new_tokens=2))  # the first call sets things up
        started = time.monotonic()
        for row in sample:
            if len(done) >= LATENCY_AT_LEAST and time.monotonic() - started > LATENCY_BUDGET_S:
                break
            (batch,) = generate(
                ready.model,
                ready.tokenizer,
                [prompts[row]],
                max_new_tokens=self.limit,
                batch_size=1,
                on_step=job.listen,
            )
            self._made([row], batch, prompts, {}, alone=True)
            done.add(row)
        return done

    def _made(
        self,
        rows: list[int],
        batch: list[Generated],
        prompts: dict[int, list[int]],
        twins: dict[int, list[int]],
        *,
        alone: bool = False,
    ) -> None:
        share = max(answer.seconds for answer in batch) / len(batch)
        answers = []
        for row, answer in zip(rows, batch, strict=True):
            cut = answer.tokens_in < len(prompts[row])
            kept = Kept(
                answer.text, answer.tokens_in, answer.tokens_out, answer.ended, self.limit, answer.seconds,
                answer.first_s, answer.batch, alone, share, cut,
            )  # fmt: skip
            self.job.store.put(self.keys[row], kept)
            answers.append(Answered(row, kept, self.asked[row], alone=alone))
            answers += [Answered(twin, kept, self.asked[twin], cached=True) for twin in twins.get(row, ())]
        self._record(answers)

    def _record(self, answers: list[Answered]) -> None:
        self.job.recorder.take(self.system, answers)

    def _warn_of_long(self, ready: Ready, lengths: list[int]) -> None:
        context = int(getattr(ready.model.config, "max_position_embeddings", None) or 1 << 30)
        long = sum(length > context - self.limit for length in lengths)
        if long:
            self.job.events.emit(
                "warning",
                code="over_context",
                text=f"{long} prompts leave no room for an answer of {self.limit} tokens in {self.system.name}'s "
                f"context of {context}; they lose their beginning.",
            )


def answer_room(tokenizer: Any, cases: list[Case]) -> int:
    """Tokens an answer may have: twice the longest reference, between 32 and 512."""
    longest = max(len(tokenizer(case.reference)["input_ids"]) for case in cases)
    return max(32, min(512, 2 * longest))
