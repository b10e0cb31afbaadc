"""The same question with different answers."""

from __future__ import annotations

from collections import Counter, defaultdict

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
MEASURE = "equal after NFKC, case folding, punctuation and white space"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps a 64-bit key of each row's prompt, and 0 where several answers are meant."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Also counts prompts that are copies of an earlier one, whatever their answers: duplicates and conflicts together
    are fewer where a row is in both, or in neither since three rows give two answers."""
    numbers, answers = facts.columns["number"].values(), facts.columns["answer"].values()
    exact = facts.columns["content"].values()
    same_prompt = 0
    for places in equal_groups(facts.columns["prompt"]):
        differ = len({int(answers[place]) for place in places}) > 1
        copies = Counter(int(exact[place]) for place in places)
        if len(copies) == 1:
            same_prompt += len(places) - 1
            continue
        # Of exact copies one is read, unless there is a conflict to list them in.
        firsts = {int(exact[place]): place for place in reversed(places)}
        read = places if differ else sorted(firsts.values())
        weight = {int(numbers[place]): 1 if differ else copies[int(exact[place])] for place in read}
        same: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for number, line, prompt, answer, _ in contents(facts, list(weight)):
            same[precise(prompt)].append((number, line, precise(answer)))
        for rows in same.values():
            same_prompt += sum(weight[number] for number, _, _ in rows) - 1
            _flag(book, rows)
    for code in ("normalised_duplicate", "conflicting_answers"):
        if book.has(code):
            extra = book.finding(code).extra
            extra["same_prompt"] = same_prompt
            extra["measure"] = (
                f"{MEASURE}; {same_prompt:,} prompts are copies of an earlier one, whatever their answers"
            )


def _flag(book: Book, rows: list[tuple[int, int, str]]) -> None:
    distinct = {answer for _, _, answer in rows}
    if len(distinct) > 1:
        book.flag_group("conflicting_answers", [row[:2] for row in rows], f"{len(distinct)} different answers.")
        if max(map(len, distinct)) <= SHORT_ANSWER:
            book.finding("conflicting_answers").severity = "repair"
