"""Ignored instruction: the prompt says how to answer, the reference does so, and the answer does not.

An instruction that the reference does not follow either was not read right, and counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.data.checks.other_language import language
from engine.evaluation.diagnosis.failure import Failure
from engine.evaluation.metrics.reading import holds, normalised
from engine.evaluation.rules import follows

RULES = {
    "length": "The prompt limits the length of the answer.",
    "shape": "The prompt asks for a list, for capitals, or for a certain beginning.",
    "choice": "The prompt gives the words to answer with.",
    "wording": "The prompt says which words to use or to avoid.",
    "language": "The prompt says in which language to answer.",
    "said_more": "The right answer stands in it, among words that nobody asked for.",
    "repeats_prompt": "The answer is the prompt again.",
}

_NUMBERS = {
    word: at
    for at, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
}
_COUNT = rf"(\d{{1,4}}|{'|'.join(_NUMBERS)})"
_MOST = r"(?:at most|no more than|up to|within|under|fewer than|less than|a maximum of|maximum|max\.?|in|using)"
_QUOTED = r"[\"'“‘]([^\"'“”‘’\n]{1,60})[\"'”’]"
_LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "dutch": "nl",
    "portuguese": "pt", "polish": "pl", "swedish": "sv", "danish": "da", "russian": "ru", "japanese": "ja",
    "chinese": "zh", "turkish": "tr",
}  # fmt: skip

Check = Callable[[str], bool]
Found = tuple[str, Check]


def find(failure: Failure) -> str | None:
    if failure.refused:
        return None
    reference = failure.case.reference
    for rule, follow in told(failure.instructions[:8000]):
        if follow(reference) and not follow(failure.text):
            return rule
    if (
        failure.form is None
        and failure.answer != normalised(reference)
        and holds(failure.answer, normalised(reference))
    ):
        return "said_more"
    prompt = normalised(failure.prompt)
    return "repeats_prompt" if prompt and failure.answer.startswith(prompt[:400]) else None


def told(text: str) -> list[Found]:
    """The instructions in a prompt that can be checked: the rule's name, and whether an answer follows it."""
    low = text.casefold()
    return [
        *_length(low),
        *_shape(low),
        *_choice(low),
        *_wording(low),
        *_language(low),
    ]


def _rule(kind: str, **more: Any) -> Check:
    return lambda answer: follows(answer, {"kind": kind, **more})


def _length(low: str) -> list[Found]:
    found = []
    for count, unit in re.findall(rf"\b{_MOST} {_COUNT} (words?|sentences?)\b", low):
        found.append(("length", _rule("words" if unit.startswith("word") else "sentences", most=_number(count))))
    return found


def _shape(low: str) -> list[Found]:
    found = [
        ("shape", _rule("bullets", count=_number(count)))
        for count in re.findall(rf"\b{_COUNT} (?:short |brief )?bullet(?:s| points)\b", low)
    ]
    if re.search(r"\b(?:as|in|a) (?:a )?numbered list\b", low):
        found.append(("shape", _rule("numbered")))
    if re.search(r"\b(?:in|all) (?:all )?(?:capitals|capital letters|upper ?case)\b", low):
        found.append(("shape", _rule("capitals")))
    opening = re.search(rf"\b(?:begin|start)s? (?:your |the )?(?:answer |reply |response )?with {_QUOTED}", low)
    if opening:
        found.append(("shape", _rule("starts", text=opening[1])))
    return found


def _choice(low: str) -> list[Found]:
    if re.search(r"\b(?:only|just|simply) (?:with |say )?[\"'“]?yes[\"'”]? or [\"'“]?no\b|\byes or no only\b", low):
        return [("choice", _rule("choice", options=["yes", "no"]))]
    return []


def _wording(low: str) -> list[Found]:
    banned = re.findall(
        rf"\b(?:do not|don't|never|without) (?:use|using|mention|mentioning|say|saying)?[^\"'“‘\n]{{0,20}}{_QUOTED}",
        low,
    )
    wanted = re.findall(rf"\b(?:include|use|mention|end with)[^\"'“‘\n.]{{0,20}}{_QUOTED}", low)
    found: list[Found] = [("wording", _without(word)) for word in banned]
    return found + [("wording", _rule("contains", words=[word])) for word in wanted if word not in banned]


def _without(word: str) -> Check:
    return lambda answer: word not in answer.casefold()


def _language(low: str) -> list[Found]:
    named = re.search(
        rf"\b(?:answer|reply|respond|write|translate)\b[^.\n]{{0,60}}\b(?:in|into|to) ({'|'.join(_LANGUAGES)})\b", low
    )
    if not named:
        return []
    code = _LANGUAGES[named[1]]
    # A text too short to tell is taken for right: nothing is held against it.
    return [("language", lambda answer: language(answer) in ("", code))]


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word]
