"""The drafting job: asks a teacher for rows and writes each candidate as it comes, so that review need not wait.

``candidates.jsonl`` has one line a candidate: {n, request, seeds, row or null, raw, problem, flags, tokens_in,
tokens_out}. A job that was stopped goes on after the last request that is in it.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.data.formats import detect, to_example
from engine.drafting.instructions import MODES, messages_for
from engine.drafting.judging import Judge
from engine.drafting.parsing import SOURCE, Candidate, answer_of, rows_of, unusable
from engine.drafting.seeds import Seed, choose, redacted
from engine.errors import EngineError
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED
from engine.lines import whole_lines
from engine.teachers import KEY_VARIABLE, Question, Reply, Stopped, load

MOST_CANDIDATES = 5000
TELL_EVERY_S = 0.5


@dataclass(frozen=True)
class Plan:
    """What was asked for. ``per_request`` rows are asked for at once; prices are for a million tokens."""

    mode: str
    count: int
    per_request: int
    instruction: str
    seed: int
    price_in: float | None
    price_out: float | None

    @classmethod
    def read(cls, spec: dict[str, Any], seeds: int) -> Plan:
        """Raises EngineError("Config")."""
        mode = str(spec.get("mode") or "more")
        if mode not in MODES:
            raise EngineError("Config", f"There is no mode {mode!r}.", f"Use one of: {', '.join(MODES)}.")
        count = min(MOST_CANDIDATES, max(1, int(spec.get("count") or 20)))
        answering = mode == "answer"
        return cls(
            mode,
            min(count, seeds) if answering else count,
            1 if answering else min(20, max(1, int(spec.get("per_request") or 1))),
            str(spec.get("instruction") or ""),
            int(spec.get("seed") or 0),
            spec.get("price_in"),
            spec.get("price_out"),
        )

    @property
    def most_requests(self) -> int:
        """A teacher whose answers are mostly unusable is not asked for ever."""
        return self.count if self.mode == "answer" else 2 * math.ceil(self.count / self.per_request) + 2


def draft(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of ``python -m engine draft RUN_DIR``: candidates.jsonl and result.json. 0 done, 3 stopped."""
    # Read once and dropped: nothing that this process starts, and no dump of its environment, has the key.
    key = os.environ.pop(KEY_VARIABLE, "")
    seeds = choose(Path(spec["file"]), Path(spec["audit"]), spec["seeds"], answering=spec.get("mode") == "answer")
    if spec.get("redact"):
        seeds = [redacted(seed) for seed in seeds]
    work = Drafting(Plan.read(spec, len(seeds)), seeds, events, control, run_dir / "candidates.jsonl")
    teacher = {**spec["teacher"]}
    try:
        if work.wants_more:
            events.emit("status", state="running", text="Starting the teacher.")
            with load(str(teacher.get("kind"))).open_teacher(teacher, key, work.stopped) as opened:
                work.run(opened.answers(work))
    except Stopped:
        events.emit("status", state="stopped", text="Stopped; the drafts so far are kept, and retry goes on from them.")
        return STOPPED
    finally:
        work.close()
    result = {"schema_version": 1, **work.counts(), "seeds": len(seeds)}
    (run_dir / "result.json").write_text(json.dumps(result, indent=1))
    events.emit("done", **result)
    return SUCCEEDED


class Drafting:
    """An iterator of questions for the teacher, and the book of its answers."""

    def __init__(self, plan: Plan, seeds: list[Seed], events: EventWriter, control: Control, path: Path) -> None:
        self.plan, self.seeds = plan, seeds
        self._events, self._control = events, control
        self._judge = Judge(seeds, answering=plan.mode == "answer")
        self._asked: set[int] = set()
        self._under_way: dict[int, list[Seed]] = {}
        self._next = 0
        self.usable = self.flagged = self.unusable = self.tokens_in = self.tokens_out = 0
        self._looked_at, self._said_stop, self._told = 0.0, False, 0.0
        self._resume(path)
        self._file = path.open("ab")
        self._started, self._had = time.monotonic(), self.usable

    # ── questions ─────────────────────────────────────────────────────────────────────────────────────────────
    def __iter__(self) -> Iterator[Question]:
        return self

    def __next__(self) -> Question:
        """The next question, unless what is under way may be enough. It may be asked again later."""
        while self._next in self._asked:
            self._next += 1
        coming = self.usable + len(self._under_way) * self.plan.per_request
        if coming >= self.plan.count or self._next >= self.plan.most_requests:
            raise StopIteration
        request = self._next
        self._asked.add(request)
        left = min(self.plan.per_request, self.plan.count - coming)
        plan = self.plan
        messages, shown = messages_for(
            plan.mode, self.seeds, plan.instruction, request=request, count=left, seed=plan.seed
        )
        self._under_way[request] = shown
        return Question(request, messages)

    @property
    def wants_more(self) -> bool:
        return self.usable < self.plan.count and len(self._asked) < self.plan.most_requests

    def stopped(self) -> bool:
        """Whether somebody asked for the end; the disk is looked at twice a second at most."""
        now = time.monotonic()
        if now - self._looked_at >= 0.5:
            self._looked_at = now
            self._said_stop = bool(self._control.wanted() or self._control.orphaned())
        return self._said_stop

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────────
    def run(self, replies: Iterator[Reply]) -> None:
        self._tell()
        for reply in replies:
            self.take(reply)
            if time.monotonic() - self._told >= TELL_EVERY_S:
                self._tell()
        self._tell()

    def take(self, reply: Reply) -> None:
        """Writes down what one answer brought, in one flushed write."""
        shown = self._under_way.pop(reply.number)
        if reply.problem:
            found = [unusable(reply.problem, "")]
        elif self.plan.mode == "answer":
            found = [answer_of(reply.text, shown[0])]
        else:
            found = rows_of(reply.text, self.seeds)
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        lines = [self._line(candidate, reply, shown, place) for place, candidate in enumerate(found)]
        self._file.write("".join(lines).encode("utf-8", "backslashreplace"))
        self._file.flush()

    def _line(self, candidate: Candidate, reply: Reply, shown: list[Seed], place: int) -> str:
        number = self.usable + self.unusable + 1
        flags = []
        if candidate.example is None:
            self.unusable += 1
        else:
            # Of several rows in an answer that was cut, the broken last one shows it; whole ones are whole.
            finished = reply.finished or self.plan.mode != "answer"
            flags = self._judge.judge(candidate.example, number, seed=shown[0].number, finished=finished)
            self.usable += 1
            self.flagged += bool(flags)
        line = {
            "n": number,
            "request": reply.number,
            "seeds": [seed.number for seed in shown],
            "row": candidate.row,
            "raw": candidate.raw,
            "problem": candidate.problem,
            "flags": flags,
            "tokens_in": reply.tokens_in if place == 0 else 0,
            "tokens_out": reply.tokens_out if place == 0 else 0,
        }
        return json.dumps(line, ensure_ascii=False) + "\n"

    def counts(self) -> dict[str, Any]:
        """What there is so far: candidates by kind, tokens, cost (None without prices)."""
        plan = self.plan
        cost = None
        if plan.price_in is not None and plan.price_out is not None:
            cost = round((self.tokens_in * plan.price_in + self.tokens_out * plan.price_out) / 1e6, 6)
        return {
            "asked_for": plan.count,
            "usable": self.usable,
            "flagged": self.flagged,
            "unusable": self.unusable,
            "requests": len(self._asked) - len(self._under_way),
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "cost": cost,
        }

    def close(self) -> None:
        self._file.close()

    def _tell(self) -> None:
        self._told = time.monotonic()
        done, total = min(self.usable, self.plan.count), self.plan.count
        made = self.usable - self._had
        eta = (time.monotonic() - self._started) / made * (total - done) if made else None
        self._events.emit(
            "progress", step=done, total=total, unit="rows", doing="Drafting rows",
            eta_s=None if eta is None else round(eta, 1), **self.counts(),
        )  # fmt: skip

    # ── going on ──────────────────────────────────────────────────────────────────────────────────────────────
    def _resume(self, path: Path) -> None:
        """Takes in what an earlier attempt wrote; a line it was killed in is cut off."""
        for raw in whole_lines(path):
            line = json.loads(raw)
            self._asked.add(line["request"])
            self.tokens_in += line["tokens_in"]
            self.tokens_out += line["tokens_out"]
            if line["row"] is None:
                self.unusable += 1
                continue
            row = {name: value for name, value in line["row"].items() if name != SOURCE}
            seed = line["seeds"][0] if line["seeds"] else 0
            self._judge.judge(to_example(row, detect(row)), line["n"], seed=seed)
            self.usable += 1
            self.flagged += bool(line["flags"])
