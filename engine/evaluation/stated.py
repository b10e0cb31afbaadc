"""The facts a text states: numbers, codes and names. No torch; time grows with the text alone.

A reference whose facts stand neither in the prompt nor in what was trained on asks for knowledge that the model was not
given.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

SHORT_ANSWER = 4
"""A reference of so few words is a fact as a whole, each of its longer words."""

VOCABULARY = 3
"""What stands in so many references is a word of the task (a label, a key), and no fact."""

_READ = 20_000
_WORD = re.compile(r"\w+(?:[-./:']\w+)*")
_ENDS = re.compile(r"[.!?:;\n]\s*$|[\"“({\[]$")
_COMMON = frozenset(["yes", "no", "true", "false", "none", "null", "the", "this", "that", "with", "from"])


def stated(text: str, whole: bool = False) -> list[str]:
    """Numbers of two digits or more, words with a digit in them, and capitalised words within a sentence, each once and
    case folded. With ``whole``, every word of three letters or more of a text of at most four words."""
    text = unicodedata.normalize("NFKC", text[:_READ])
    found = list(_WORD.finditer(text))
    short = len(found) <= SHORT_ANSWER
    facts: dict[str, None] = {}
    for match in found:
        word, before = match[0], text[: match.start()].rstrip(" ")[-2:]
        opens = not before or _ENDS.search(before) is not None
        digits = any(sign.isdigit() for sign in word)
        name = word[:1].isupper() and not word.isupper() and len(word) > 2 and (short or not opens)
        if (digits and len(word) > 1) or name or (whole and short and len(word) > 2):
            facts[word.casefold()] = None
    return [fact for fact in facts if fact not in _COMMON]


def words_of(text: str) -> set[str]:
    """The words of a text as facts are looked up among them; compounds whole and in their parts."""
    found = [match[0] for match in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold())]
    return {part for word in found for part in (word, *re.split(r"[-./:']", word))}


def outside(
    references: Sequence[str], prompts: Sequence[str], known: Iterable[str] = (), whole: bool = False
) -> list[list[str]]:
    """Of each reference the facts that stand neither in its prompt nor in any of the `known` texts, nor in so many
    other references that they belong to the task."""
    facts = [stated(reference, whole) for reference in references]
    usual = {fact for fact, count in Counter(fact for each in facts for fact in each).items() if count >= VOCABULARY}
    learnt: set[str] = set()
    for text in known:
        learnt |= words_of(text)
    return [
        [fact for fact in each if fact not in usual and fact not in learnt and fact not in words_of(prompt)]
        for each, prompt in zip(facts, prompts, strict=True)
    ]
