"""A system behind an endpoint: a few rows one after the other for their latency, the others several at once.

A row whose request fails for good is recorded with what the server said; several in a row, a refused key or an unknown
model end the evaluation, and starting it again goes on with the rows that have no answer.
"""

from __future__ import annotations

import os

from engine.evaluation.local import Job
from engine.evaluation.recorder import Answered
from engine.evaluation.spec import SystemSpec
from engine.evaluation.store import Kept
from engine.evaluation.store_keys import endpoint_key
from engine.evaluation.systems import Asked
from engine.teachers import Question, Reply
from engine.teachers.remote import RemoteTeacher, open_teacher

LEAST_TOKENS, MOST_TOKENS = 64, 1024
_TURN = ("role", "content", "name", "tool_calls", "tool_call_id")


def take_key(variable: str) -> str:
    """A key from the environment, which forgets it: a child process must not inherit it."""
    return os.environ.pop(variable, "")


def ask_endpoint(job: Job, system: SystemSpec, asked: dict[int, Asked], key: str) -> None:
    """Answers the rows of ``asked``. Raises EngineError("Endpoint", "Config"), Stopped."""
    assert system.endpoint is not None
    limit = system.options.max_tokens or job.spec.max_new_tokens or _room(job)
    keys = {
        row: endpoint_key(
            str(system.endpoint["base_url"]), str(system.endpoint["model"]), one.messages, job.cases[row].tools
        )
        for row, one in asked.items()
    }
    sample = [row for row in job.latency_sample() if row in asked]
    kept = {row: one for row, name in keys.items() if (one := job.store.get(name, limit)) is not None}
    again = {row for row in sample if row in kept and not kept[row].alone}
    there = [row for row in kept if row not in again]
    job.recorder.take(system, [Answered(row, kept[row], asked[row], True, row in sample) for row in there])
    left = [row for row in asked if row not in there]
    if not left:
        return
    job.events.emit("status", status="generating", system=system.key, text=f"{system.name} answers over the network")
    spec = {**system.endpoint, "max_tokens": limit, "temperature": 0.0, "forgiving": True}
    with open_teacher(spec, key, job.listen.wants_end) as teacher:
        first = [row for row in sample if row in left]
        _ask(job, system, asked, keys, teacher, first, limit, alone=True)
        _ask(job, system, asked, keys, teacher, [row for row in left if row not in first], limit, alone=False)


def _ask(
    job: Job,
    system: SystemSpec,
    asked: dict[int, Asked],
    keys: dict[int, str],
    teacher: RemoteTeacher,
    rows: list[int],
    limit: int,
    *,
    alone: bool,
) -> None:
    questions = [
        Question(row, [{n: turn[n] for n in _TURN if n in turn} for turn in asked[row].messages], job.cases[row].tools)
        for row in rows
    ]
    at_once = 1 if alone else system.options.at_once
    for reply in teacher.answers(questions, at_once=at_once):
        kept = _kept(reply, limit, at_once, alone)
        if not reply.problem:
            job.store.put(keys[reply.number], kept)
        made = Answered(
            reply.number, kept, asked[reply.number], alone=alone and not reply.problem, problem=reply.problem
        )
        job.recorder.take(system, [made])


def _kept(reply: Reply, limit: int, at_once: int, alone: bool) -> Kept:
    """The time to the first token is not seen: answers come whole."""
    return Kept(
        reply.text, reply.tokens_in, reply.tokens_out, reply.finished, limit, reply.seconds, None, at_once,
        alone, reply.seconds / at_once,
    )  # fmt: skip


def _room(job: Job) -> int:
    """Tokens an answer may have, by the longest reference: two bytes a token leave room in every tokenizer."""
    longest = max(len(case.reference.encode()) for case in job.cases)
    return max(LEAST_TOKENS, min(MOST_TOKENS, longest))
