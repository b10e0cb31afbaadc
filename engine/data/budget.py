"""How much of a text fits into a number of tokens, found by halving: tokenizers tell lengths, not places."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Fits = Callable[[str], bool]
# Where a word ends within this many characters of the place that was found, the cut is made there.
_WORD = 40


def longest_start(text: str, fits: Fits, guess: int) -> int:
    """The length of the longest start of ``text`` that fits, found from ``guess`` outwards so that a long text is not
    tokenised whole again and again; 0 when not even one character does."""
    low, high = 0, min(max(guess, 1), len(text))
    while high < len(text) and fits(text[:high]):
        low, high = high, min(2 * high, len(text))
    if high == len(text) and fits(text):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[:middle]) else (low, middle)
    return low


def longest_end(text: str, fits: Fits, guess: int) -> int:
    """Where the longest end of ``text`` that fits begins; its length when nothing does."""
    return len(text) - longest_start(text[::-1], lambda turned: fits(turned[::-1]), guess)


def at_word(text: str, place: int) -> int:
    """``place`` moved back to the end of a word, if one ends close by."""
    if place >= len(text):
        return len(text)
    for near in range(place, max(place - _WORD, 0), -1):
        if text[near - 1].isspace():
            return near
    return place


def after_word(text: str, place: int) -> int:
    """``place`` moved on to the start of a word, if one starts close by."""
    if place <= 0:
        return 0
    for near in range(place, min(place + _WORD, len(text))):
        if text[near - 1].isspace():
            return near
    return place


def chunks(text: str, fits: Fits, overlaps: Fits | None, guess: int) -> Iterator[str]:
    """``text`` in pieces that fit, cut between words where one ends close by; without overlap they are the text again
    when put together. With it, a piece begins with as much of the end of the one before as ``overlaps`` allows. A
    piece that would be white space alone goes with the one before it."""
    start = 0
    while start < len(text):
        # Only the part that can matter is tokenised: a piece is seldom longer than eight times the guess.
        window = text[start : start + 8 * guess]
        length = longest_start(window, fits, guess) or 1
        word = at_word(window, length)
        end = start + (word if word and fits(window[:word]) else length)
        yield text[start:end]
        if end >= len(text):
            return
        back = 0
        if overlaps is not None:
            tail = text[start:end]
            back = len(tail) - after_word(tail, longest_end(tail, overlaps, guess))
        start = max(end - back, start + 1)
