"""Plant the flaws that the audit is there to find, and write down at which lines they stand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.samples.support_tickets.tickets import Ticket, draw_tickets, to_answer

SEED = 42
USABLE_TICKETS = 381
EMAIL = "mira.holm@example.com"
UNUSABLE = ("malformed_json", "empty_answer", "empty_prompt")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file. `code` is the finding it was planted for, in the audit's words; empty for a clean row."""

    text: str
    prompt: str
    code: str = ""


def compose_lines(seed: int = SEED) -> list[Line]:
    """Write the whole file: 381 tickets, 12 surplus copies, 7 unusable lines. The same seed gives the same lines."""
    random = Random(seed)
    tickets = draw_tickets(random, USABLE_TICKETS - 1 + 7)
    usable, spare = tickets[:-7], tickets[-7:]
    usable[0] = Ticket(f"{usable[0].text} You can reach me at {EMAIL}.", usable[0].answer)
    disputed = _write_line(usable[1])
    lines = [_write_line(ticket) for ticket in usable] + _write_unusable(spare) + [_contradict(usable[1])]
    random.shuffle(lines)
    copyable = [line for line in lines if not line.code and line.prompt != disputed.prompt and EMAIL not in line.prompt]
    return _add_copies(random, lines, random.sample(copyable[: len(copyable) // 2], 10))


def describe_lines(lines: list[Line]) -> dict[str, Any]:
    """Say what was planted where (physical lines, from 1), under the audit's own finding codes."""
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines, 1):
        places.setdefault(line.code, []).append(number)
    copied = dict.fromkeys(line.text for line in lines if line.code == "exact_duplicate")
    disputed = {line.prompt for line in lines if line.code == "conflicting_answers"}
    return {
        "lines": len(lines),
        "usable": sum(line.code not in UNUSABLE for line in lines),
        **{code: places[code] for code in UNUSABLE},
        "exact_duplicate": {
            "surplus": len(places["exact_duplicate"]),
            "groups": sorted([n for n, line in enumerate(lines, 1) if line.text == text] for text in copied),
        },
        "conflicting_answers": [[n for n, line in enumerate(lines, 1) if line.prompt in disputed]],
        "pii_email": [n for n, line in enumerate(lines, 1) if EMAIL in line.prompt],
    }


def _write_line(ticket: Ticket, code: str = "", *, prompt: str | None = None, answer: str | None = None) -> Line:
    user = ticket.text if prompt is None else prompt
    assistant = to_answer(ticket.answer) if answer is None else answer
    messages = [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return Line(json.dumps({"messages": messages}, ensure_ascii=False), user, code)


def _write_unusable(spare: list[Ticket]) -> list[Line]:
    truncated, trailing = _write_line(spare[5], "malformed_json"), _write_line(spare[6], "malformed_json")
    return [
        *(_write_line(ticket, "empty_answer", answer="") for ticket in spare[:4]),
        _write_line(spare[4], "empty_prompt", prompt=""),
        Line(truncated.text[: len(truncated.text) * 2 // 3], truncated.prompt, truncated.code),
        Line(f"{trailing.text[:-1]},}}", trailing.prompt, trailing.code),
    ]


def _contradict(ticket: Ticket) -> Line:
    """The same ticket, read by a second annotator who disagrees about its urgency."""
    urgency = "normal" if ticket.answer["urgency"] == "high" else "high"
    return _write_line(Ticket(ticket.text, {**ticket.answer, "urgency": urgency}), "conflicting_answers")


def _add_copies(random: Random, lines: list[Line], chosen: list[Line]) -> list[Line]:
    """Add twelve copies of the ten chosen lines, each below its original: two lines stand three times, eight twice."""
    result = list(lines)
    for line in [*chosen, *chosen[:2]]:
        copy = Line(line.text, line.prompt, "exact_duplicate")
        result.insert(random.randint(result.index(line) + 5, len(result)), copy)
    return result
