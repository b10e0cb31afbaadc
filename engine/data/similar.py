"""How alike are two rows? Words or characters in a row's content, and the true Jaccard similarity of their runs.

Broder 1997 (resemblance of documents). Words, for scripts that part them; characters for those that do not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.data.normalise import PART

# A run this short says nothing: two questions of four words differ by one word and mean two things.
LEAST_WORDS, LEAST_CHARACTERS = 5, 10
# The start of a very long row stands for it, so that one row cannot take all memory.
MOST_WORDS = 20_000
ROLES = frozenset({"user", "assistant", "tool", "system"})

# Bytes of ASCII text: letters in lower case, digits, and blanks for all else.
PARTED = bytes(
    byte + 32 if 0x41 <= byte <= 0x5A else byte if chr(byte).isalnum() and byte < 128 else 0x20 for byte in range(256)
)
_WORD = re.compile(r"[^\W_]+")
# Han, kana, Thai, Lao, Tibetan, Myanmar, Khmer: written without blanks between words.
_UNPARTED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")

Words = list[bytes]


def spoken(prompt: str, answer: str, rest: str) -> str:
    """What is said in a row: its content (``seen.content``) without roles and without system turns."""
    kept: list[str] = []
    system = False
    for part in f"{prompt}{PART}{answer}{PART}{rest}".split(PART):
        if system:
            system = False
        elif part in ROLES:
            system = part == "system"
        else:
            kept.append(part)
    return " ".join(kept)


def units(text: str) -> tuple[Words, int]:
    """(the words of ``text``, without case and punctuation, 0), or for an unparted script (its characters, 1)."""
    if text.isascii():
        return text.encode().translate(PARTED).split()[:MOST_WORDS], 0
    text = unicodedata.normalize("NFKC", text).casefold()
    if len(_UNPARTED.findall(text)) * 3 > len(text):
        joined = "".join(_WORD.findall(text))[:MOST_WORDS]
        return [char.encode("utf-8", "surrogatepass") for char in joined], 1
    return [word.encode("utf-8", "surrogatepass") for word in _WORD.findall(text)[:MOST_WORDS]], 0


def long_enough(words: Words, unparted: int) -> bool:
    return len(words) >= (LEAST_CHARACTERS if unparted else LEAST_WORDS)


def runs(words: Words, length: int) -> list[bytes]:
    """Every run of ``length`` neighbours, in order."""
    return list(map(b" ".join, zip(*(words[start:] for start in range(length)), strict=False)))


def print_of(words: Words, unparted: int) -> NDArray[np.int64]:
    """The set by which rows are compared: hashes of word 3-grams (character 5-grams), sorted, each once."""
    return np.unique(np.fromiter(map(hash, runs(words, 5 if unparted else 3)), dtype=np.int64))


def jaccard(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Size of what two sets share by the size of both together: 0 to 1."""
    if not len(one) or not len(other):
        return 0.0
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


class Instructions:
    """Constant openings, learnt from the first rows: an instruction that stands before every question would make all
    questions alike. An opening is constant when 30 % of the distinct rows share it (and 20 do)."""

    HEAD, SHARE, LEAST, AGREE = 4, 0.3, 20, 0.9

    def __init__(self) -> None:
        self._openings: dict[tuple[bytes, ...], Words] | None = None

    @property
    def learnt(self) -> bool:
        return self._openings is not None

    def learn(self, rows: Sequence[Words]) -> None:
        """Does nothing when openings were learnt before."""
        if self._openings is not None:
            return
        self._openings = {}
        distinct = {tuple(words) for words in rows if len(words) >= self.HEAD}
        heads = Counter(words[: self.HEAD] for words in distinct)
        for head, count in heads.items():
            if count >= max(self.LEAST, self.SHARE * len(distinct)):
                self._openings[head] = self._longest([words for words in distinct if words[: self.HEAD] == head])

    @property
    def any(self) -> bool:
        return bool(self._openings)

    def without(self, words: Words) -> Words:
        """What follows the opening, or all of it."""
        return words[self._shared(words) :]

    def opening(self, text: bytes) -> int:
        """How many words of ``text``, parted by blanks, are a constant opening."""
        if not self._openings or tuple(text.split(None, self.HEAD)[: self.HEAD]) not in self._openings:
            return 0
        return self._shared(text.split())

    def strip(self, text: bytes) -> bytes:
        """``without`` for words that are parted by blanks."""
        count = self.opening(text)
        return b" ".join(text.split()[count:]) if count else text

    def _shared(self, words: Words) -> int:
        opening = (self._openings or {}).get(tuple(words[: self.HEAD]), [])
        pairs = enumerate(zip(words, opening, strict=False))
        return next((place for place, (word, expected) in pairs if word != expected), min(len(words), len(opening)))

    def _longest(self, rows: list[tuple[bytes, ...]]) -> Words:
        opening: Words = []
        while True:
            place = len(opening)
            following = Counter(words[place] for words in rows if len(words) > place)
            if not following:
                return opening
            word, count = min(following.items(), key=lambda item: (-item[1], item[0]))
            if count < self.AGREE * len(rows):
                return opening
            opening.append(word)
