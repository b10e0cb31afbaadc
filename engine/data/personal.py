"""Personal numbers in text: which digits are an IBAN, a payment card, an SSN, an IP address, a telephone number or
part of a postal address.

Patterns propose; check digits (ISO 13616 mod 97, Luhn), issuers' prefixes and the national numbering plans decide. They
are tried in that order and never overlap: the digits of a card are not also a telephone number.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from engine.data.postal import LEAST_DIGITS as LEAST_POSTAL_DIGITS
from engine.data.postal import postal_addresses

# Before a value: the start, or no word character; in the source text of a JSON row also an escape such as \n. Letters
# of scripts without spaces end a value: only those of ASCII run into one (re.ASCII).
_START = r"(?:(?<![\w.+-])|(?<=\\[nrt]))"
_END = r"(?!\w|-\w)"
_IBAN = re.compile(
    _START + r"(?:[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,32}|[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,32})", re.ASCII
)
# Groups of four digits or more (4-4-4-4, 4-6-5): sums and tables of small numbers pass Luhn one time in ten.
_CARD = re.compile(_START + r"(?:\d{14,19}|(?:\d{4,12}[ -]){1,4}\d{1,12})" + _END, re.ASCII)
_SSN = re.compile(_START + r"\d{3}-\d{2}-\d{4}" + _END, re.ASCII)
_SSN_NAMED = re.compile(
    r"\b(?:ssn|social security(?: (?:number|no\.?|#))?)\b[^\d\n]{0,15}?(?<!\w)(\d{3}[ -]?\d{2}[ -]?\d{4})" + _END,
    re.ASCII | re.IGNORECASE,
)
_IP4 = re.compile(_START + r"\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)", re.ASCII)
_IP6 = re.compile(_START + r"(?<!:)[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){3,7}(?![\w:])", re.ASCII)
_IP6_SHORT = re.compile(
    _START + r"(?<!:)[23f][0-9a-f]{3}:[0-9a-f]{1,4}::[0-9a-f]{1,4}(?![\w:])", re.ASCII | re.IGNORECASE
)
# With a country code; as North America writes it; or digits after a word that announces a number (the placeholder
# [PHONE] announces none).
_ABROAD = re.compile(r"(?<![\d+])\+\d(?:[ ()./-]{0,2}\d){6,14}(?!\d|-\d)", re.ASCII)
_AMERICAN = re.compile(
    _START + r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}(?!\w|-\w|\.\d)", re.ASCII
)
_ANNOUNCED = re.compile(
    r"(?:(?<![\[A-Za-z0-9])(?:phone|tel|telephone|mobile?|cell|call|fax|whatsapp|telefon|(?:telefon|handy|mobil|ruf)nummer|handy|"
    r"t[éÉ]l(?:[éÉ]phone)?|tel[éÉ]fono|m[óÓ]vil)\b|电话|電話|手机|携帯|전화)"
    r"[^\d\n]{0,15}?(?<!\w)(\(?\d(?:[ ()./-]{0,2}\d){6,14})" + _END,
    re.ASCII | re.IGNORECASE,
)
# After "call" or "cell" may stand an amount, a date, or a count as well.
_NO_NUMBER = re.compile(r"\d{4}-\d\d-\d\d|(?:\d+\.\d\d(?: |$))+$|[1-9]\d{0,2}(?: \d{3})* 000$", re.ASCII)
# Digits, blanks, hyphens and signs of other scripts and of typesetting, as those of ASCII: one character for one, so
# that places stay what they are. The noughts: Arabic, Persian, N'Ko, nine of India, Thai, Lao, Tibetan, Burmese, Khmer,
# full width, mathematical.
_NOUGHTS = (
    *(0x660, 0x6F0, 0x7C0, *range(0x966, 0xDE6, 0x80), 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0xFF10),
    *range(0x1D7CE, 0x1D800, 10),
)
_PLAIN = (
    {nought + digit: str(digit) for nought in _NOUGHTS for digit in range(10)}
    | dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x3000), " ")
    | dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFF0D), "-")
    | {0xFF0B: "+", 0xFF0E: ".", 0xFF08: "(", 0xFF09: ")", 0xFF1A: ":"}
)
_NOT_PLAIN = re.compile(f"[{''.join(map(chr, _PLAIN))}]")
_NO_DIGITS = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)
_GROUP = re.compile(r"\w+", re.ASCII)
_INSIDE = re.compile(r"[A-Za-z0-9]{2}")
# Fewer digits than this are none of the numbers.
LEAST_DIGITS = 5


class Found(NamedTuple):
    code: str
    start: int
    end: int


_START_OF = attrgetter("start")


def personal_numbers(text: str) -> list[Found]:
    """Every one in ``text``, in the order of their places."""
    if not text.isascii() and _NOT_PLAIN.search(text):
        text = text.translate(_PLAIN)
    digits = len(text.encode("utf-8", "surrogatepass").translate(None, _NO_DIGITS))
    if digits < LEAST_POSTAL_DIGITS:
        return []
    found: list[Found] = []
    for find in (_ibans, _cards, _ssns, _addresses, _phones, _postal) if digits >= LEAST_DIGITS else (_postal,):
        for each in find(text):
            # Those found do not overlap, so only the two neighbours can: a log may hold a hundred thousand addresses.
            place = bisect_left(found, each.start, key=_START_OF)
            clear_before = place == 0 or found[place - 1].end <= each.start
            if clear_before and (place == len(found) or each.end <= found[place].start):
                found.insert(place, each)
    return found


def _ibans(text: str) -> Iterator[Found]:
    from stdnum import iban

    return _checked("pii_iban", _IBAN, text, 15, iban.is_valid)


def _cards(text: str) -> Iterator[Found]:
    return _checked("pii_card", _CARD, text, 14, lambda value: is_card(re.sub("[ -]", "", value)))


def _checked(
    code: str, pattern: re.Pattern[str], text: str, least: int, valid: Callable[[str], bool]
) -> Iterator[Found]:
    """Values that ``valid`` confirms. A match may have run into what stands before the value ("12/26 4111 …") or after
    it, so it is tried from each of its groups, the longest first."""
    place = 0
    while match := pattern.search(text, place):
        ends = _ends(text, match, least)
        end = next((end for end in ends if valid(text[match.start() : end])), None)
        if end is not None:
            yield Found(code, match.start(), end)
        place = end or _GROUP.match(text, match.start()).end()  # type: ignore[union-attr]


def _ends(text: str, match: re.Match[str], least: int) -> Iterator[int]:
    """Where a value may end within a match that has run into the words after it: the longest first."""
    for end in range(match.end(), match.start() + least - 1, -1):
        if end == len(text) or not _INSIDE.match(text, end - 1):
            yield end


@lru_cache(maxsize=4096)
def is_card(digits: str) -> bool:
    """Luhn, and a prefix and length that an issuer has. ISBN-13 (978, 979) pass Luhn and have no such prefix."""
    from stdnum import luhn

    return _issued(digits) and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _issued(digits: str) -> bool:
    size, two, four = len(digits), int(digits[:2]), int(digits[:4])
    if size == 16:
        return digits[0] == "4" or 51 <= two <= 55 or 2221 <= four <= 2720 or two in (62, 65) or four == 6011 or (
            644 <= int(digits[:3]) <= 649 or 3528 <= four <= 3589
        )  # fmt: skip
    return (
        (size == 19 and digits[0] == "4")
        or (size == 15 and two in (34, 37))
        or (size == 14 and (two in (36, 38, 39) or 3000 <= four <= 3059))
        or (17 <= size <= 19 and two == 62)
    )


def _ssns(text: str) -> Iterator[Found]:
    from stdnum.us import ssn

    for match in _SSN.finditer(text):
        if ssn.is_valid(match[0]):
            yield Found("pii_ssn", match.start(), match.end())
    for match in _SSN_NAMED.finditer(text):
        if ssn.is_valid(re.sub("[ -]", "", match[1])):
            yield Found("pii_ssn", match.start(1), match.end(1))


def _addresses(text: str) -> Iterator[Found]:
    if text.count(".") > 2:
        yield from (Found("pii_ip", m.start(), m.end()) for m in _IP4.finditer(text) if _is_ip4(m[0], text, m.start()))
    if text.count(":") > 2:
        for pattern in (_IP6, _IP6_SHORT) if "::" in text else (_IP6,):
            yield from (Found("pii_ip", m.start(), m.end()) for m in pattern.finditer(text) if _is_ip6(m[0]))


def _is_ip4(value: str, text: str, start: int) -> bool:
    """Not a version (v1.2.3.4), a section (1.2.3.4), a net (198.51.0.0/16), a net mask, or this machine."""
    parts = [int(part) for part in value.split(".")]
    before = text[max(0, start - 9) : start].lower()
    if max(parts) > 255 or max(parts) < 10 or parts[0] in (0, 127, 255) or "version" in before:
        return False
    if parts[3] == 0 and text[start + len(value) : start + len(value) + 1] == "/":
        return False
    return not any(len(part) > 1 and part[0] == "0" for part in value.split("."))


def _is_ip6(value: str) -> bool:
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return not address.is_loopback and any(char.isdigit() for char in value)


def _phones(text: str) -> Iterator[Found]:
    if "+" in text:
        yield from (Found("pii_phone", m.start(), m.end()) for m in _ABROAD.finditer(text) if _in_plan(m[0]))
    yield from (Found("pii_phone", m.start(), m.end()) for m in _AMERICAN.finditer(text))
    for match in _ANNOUNCED.finditer(text):
        if not _NO_NUMBER.match(match[1]):
            yield Found("pii_phone", match.start(1), match.end(1))


def _postal(text: str) -> Iterator[Found]:
    return (Found("postal_address", start, end) for start, end in postal_addresses(text))


@lru_cache(maxsize=4096)
def _in_plan(number: str) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(number)))
    except phonenumbers.NumberParseException:
        return False


def hide(text: str, found: list[Found], show: Callable[[str], str]) -> str:
    """``text`` with each found value replaced by ``show(value)``."""
    for each in reversed(found):
        text = text[: each.start] + show(text[each.start : each.end]) + text[each.end :]
    return text
