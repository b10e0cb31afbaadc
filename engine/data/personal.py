"""Personal numbers in text: which digits are an IBAN, a payment card, an SSN, an IP address, a telephone number or
part of a postal address.

Patterns propose; check digits (ISO 13616 mod 97, Luhn), issuers' prefixes and the national numbering plans decide. They
are tried in that order and never overlap: the digits of a card are not also a telephone number.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from engine.data.postal import LEAST_DIGITS as LEAST_POSTAL_DIGITS
from engine.data.postal import postal_addresses

# Before a value: the start, or no word character; in the source text of a JSON row also an escape such as \n.
_START = r"(?:(?<![\w.+-])|(?<=\\[nrt]))"
_IBAN = re.compile(_START + r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,32}")
_CARD = re.compile(_START + r"\d(?:[ -]?\d){12,18}(?![\w-])")
_SSN = re.compile(_START + r"\d{3}-\d{2}-\d{4}(?![\w-])")
_IP4 = re.compile(_START + r"\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IP6 = re.compile(_START + r"(?<!:)[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){3,7}(?![\w:])")
# With a country code; as North America writes it; or digits after a word that announces a number (the placeholder
# [PHONE] announces none).
_ABROAD = re.compile(r"(?<![\d+])\+\d(?:[ ()./-]{0,2}\d){6,14}(?![\d-])")
_AMERICAN = re.compile(_START + r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}(?![\w-]|\.\d)")
_ANNOUNCED = re.compile(
    r"(?<!\[)\b(?:phone|tel|telephone|mobile|cell|call|fax|whatsapp|telefon|handy|téléphone|teléfono)\b[^\d\n]{0,15}?"
    r"(\(?\d(?:[ ()./-]{0,2}\d){6,14})(?![\w-])",
    re.IGNORECASE,
)
_NO_DIGITS = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)
# Fewer digits than this are none of the numbers.
LEAST_DIGITS = 5


class Found(NamedTuple):
    code: str
    start: int
    end: int


def personal_numbers(text: str) -> list[Found]:
    """Every one in ``text``, in the order of their places."""
    digits = len(text.encode("utf-8", "surrogatepass").translate(None, _NO_DIGITS))
    if digits < LEAST_POSTAL_DIGITS:
        return []
    found: list[Found] = []
    for find in (_ibans, _cards, _ssns, _addresses, _phones, _postal) if digits >= LEAST_DIGITS else (_postal,):
        for each in find(text):
            if not any(each.start < other.end and other.start < each.end for other in found):
                found.append(each)
    return sorted(found, key=lambda each: each.start)


def _ibans(text: str) -> Iterator[Found]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        for end in _ends(text, match, 15):
            if iban.is_valid(text[match.start() : end]):
                yield Found("pii_iban", match.start(), end)
                break


def _ends(text: str, match: re.Match[str], least: int) -> Iterator[int]:
    """Where a value may end within a match that has run into the words after it: the longest first."""
    for end in range(match.end(), match.start() + least - 1, -1):
        if end == len(text) or not (text[end].isalnum() and text[end - 1].isalnum()):
            yield end


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        for end in _ends(text, match, 13):
            if is_card(re.sub("[ -]", "", text[match.start() : end])):
                yield Found("pii_card", match.start(), end)
                break


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
        (size in (13, 19) and digits[0] == "4")
        or (size == 15 and two in (34, 37))
        or (size == 14 and (two in (36, 38, 39) or 3000 <= four <= 3059))
        or (17 <= size <= 19 and two == 62)
    )


def _ssns(text: str) -> Iterator[Found]:
    from stdnum.us import ssn

    for match in _SSN.finditer(text):
        if ssn.is_valid(match[0]):
            yield Found("pii_ssn", match.start(), match.end())


def _addresses(text: str) -> Iterator[Found]:
    if text.count(".") > 2:
        yield from (Found("pii_ip", m.start(), m.end()) for m in _IP4.finditer(text) if _is_ip4(m[0], text, m.start()))
    if text.count(":") > 2:
        yield from (Found("pii_ip", m.start(), m.end()) for m in _IP6.finditer(text) if _is_ip6(m[0]))


def _is_ip4(value: str, text: str, start: int) -> bool:
    """Not a version (v1.2.3.4), a section (1.2.3.4), a net mask, or this machine."""
    parts = [int(part) for part in value.split(".")]
    before = text[max(0, start - 9) : start].lower()
    if max(parts) > 255 or max(parts) < 10 or parts[0] in (0, 127, 255) or "version" in before:
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
        if not re.search(r"\d{4}-\d\d-\d\d", match[1]):  # a date
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
