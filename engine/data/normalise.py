"""When are two texts the same but for writing? A coarse key (fast, for every row) and a precise one (for candidates).

Whatever is equal precisely is equal coarsely, so grouping by the coarse key and looking again inside each group is
exact. Measured on 1 KB of English: coarse 2 µs, precise 40 µs.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Between the parts of a row; they survive both keys, so that parts never run together.
PART, ANSWER = "\x1f", "\x1e"

_LOWER = bytes(byte + 32 if 0x41 <= byte <= 0x5A else byte for byte in range(256))
_DROP = bytes(byte for byte in range(128) if not (chr(byte).isalnum() or chr(byte) in PART + ANSWER))
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
ASCII = bytes(range(128))
# UTF-8 has no such byte: it parts texts that are folded together.
_APART = b"\xff"
_DROP_BEYOND = _DROP + bytes(range(128, 255))
# Quotes, dashes and bullets are few and the same in most rows: what they fold to is remembered.
FEW_BYTES = 60
# A sign before a number is arithmetic, not punctuation: 5 - 3 and 5 * 3 are two questions, as are 1.5 and 1 5.
_PUNCTUATION = re.compile(r"(?![-+*/%<>=^]\s?\d)(?!(?<=\d)[.,:]\d)[^\w\s\x1e\x1f]|_")


def coarse(text: str) -> bytes:
    """Letters and digits only, without case, accents or compatibility forms (UTF-8)."""
    return coarse_all([text.encode("utf-8", "surrogatepass")])[0]


def coarse_all(raws: list[bytes]) -> list[bytes]:
    """``coarse`` of each text in UTF-8: most are folded together, in one go."""
    if not raws:
        return []
    beyond = [place for place, raw in enumerate(raws) if not raw.isascii()]
    kept = _APART.join([raws[place] for place in beyond]).translate(None, ASCII).split(_APART) if beyond else []
    lettered = [place for place, few in zip(beyond, kept, strict=True) if not _few_without_letters(few)]
    if lettered:
        raws = raws.copy()
        alone = [_coarse(raws[place]) for place in lettered]
        for place in lettered:
            raws[place] = b""
    keys = _APART.join(raws).translate(_LOWER, _DROP_BEYOND).split(_APART)
    for place in range(len(lettered)):
        keys[lettered[place]] = alone[place]
    return keys


def _coarse(raw: bytes) -> bytes:
    text = _NON_ASCII.sub(lambda match: _fold(match[0]), raw.decode("utf-8", "surrogatepass"))
    return text.encode("utf-8", "surrogatepass").translate(_LOWER, _DROP)


def only_ascii_letters(text: str) -> bool:
    """Is all that is not ASCII in ``text`` quotes, dashes and the like, and little of it?"""
    return text.isascii() or _only_ascii_letters(text.encode("utf-8", "surrogatepass"))


def _only_ascii_letters(raw: bytes) -> bool:
    return _few_without_letters(raw.translate(None, ASCII))


def _few_without_letters(beyond: bytes) -> bool:
    return len(beyond) <= FEW_BYTES and _without_letters(beyond)


@lru_cache(maxsize=4096)
def _without_letters(beyond: bytes) -> bool:
    return not _fold(beyond.decode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4096)
def _fold(run: str) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", run).casefold())
    return "".join(char for char in folded if char.isalnum())


def precise(text: str) -> str:
    """NFKC, without case; punctuation (but for signs before a number) and white space are one blank."""
    text = _PUNCTUATION.sub(_blank, unicodedata.normalize("NFKC", text).casefold())
    return PART.join(" ".join(part.split()) for part in re.split("[\x1e\x1f]", text))


def _blank(match: re.Match[str]) -> str:
    # Vowel signs of Indic and Arabic scripts are marks, not punctuation: they tell words apart.
    return match[0] if unicodedata.category(match[0]).startswith("M") else " "
