"""The same question with different answers."""

from __future__ import annotations

from collections import defaultdict

from engine.data.again import contents
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.columns import equal_groups
from engine.data.normalise import precise
from engine.data.seen import SHORT_ANSWER, Seen

ABOUT = (
    About(
        "conflicting_answers",
        "Same prompt, different answers",
        "notice",
        "The model cannot learn both; with labels or facts, at least one of the answers is wrong.",
        "Decide which answer is right. Where several are fine (free text), nothing needs to be done.",
    ),
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps a 64-bit key of each row's prompt, and 0 where several answers are meant."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    numbers, answers = facts.columns["number"].values(), facts.columns["answer"].values()
    for places in equal_groups(facts.columns["prompt"]):
        if len({int(answers[place]) for place in places}) < 2:
            continue
        same: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for number, line, prompt, answer, _ in contents(facts, [int(numbers[place]) for place in places]):
            same[precise(prompt)].append((number, line, precise(answer)))
        for rows in same.values():
            distinct = {answer for _, _, answer in rows}
            if len(distinct) > 1:
                book.flag_group("conflicting_answers", [row[:2] for row in rows], f"{len(distinct)} different answers.")
                if max(map(len, distinct)) <= SHORT_ANSWER:
                    book.finding("conflicting_answers").severity = "repair"
