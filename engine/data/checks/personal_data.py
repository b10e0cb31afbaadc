"""Telephone, card, bank, social security and IP numbers and postal addresses, found in one pass that gives each digit
to one of them."""

from __future__ import annotations

from engine.data import postal
from engine.data.beside import BESIDE
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.personal import personal_numbers
from engine.data.seen import Seen

_REPLACE = "Replace them by placeholders, unless they are public and meant."
_MONEY = "A model can give back numbers it was trained on; whoever reads them can misuse them."
ABOUT = (
    About(
        "pii_phone",
        "Telephone numbers",
        "notice",
        "A model can give back numbers it was trained on; personal data may also need a legal basis.",
        _REPLACE,
    ),
    About("pii_card", "Payment card numbers", "repair", _MONEY, _REPLACE),
    About("pii_iban", "Bank account numbers (IBAN)", "repair", _MONEY, _REPLACE),
    About("pii_ssn", "Social security numbers", "repair", _MONEY, _REPLACE),
    About(
        "pii_ip",
        "IP addresses",
        "notice",
        "An address points at a household or a server; with a time beside it, it is personal data.",
        _REPLACE,
    ),
    About(
        "postal_address",
        "Postal addresses",
        "notice",
        "A home address points at a person; a model can give back the ones it was trained on.",
        _REPLACE,
    ),
)
MEASURES = {
    "pii_phone": (
        "international form by the national numbering plans, North American form, or announced by a word",
        "national numbers of other countries that no word such as phone announces",
    ),
    "pii_card": ("Luhn check digit and an issuer's prefix and length", "cards of issuers outside the common schemes"),
    "pii_iban": ("ISO 13616: country's length and mod 97", "account numbers that are not IBANs"),
    "pii_ssn": (
        "three, two and four digits parted by hyphens, or nine announced as one; the blocks that were ever issued",
        "numbers without hyphens that no word announces",
    ),
    "pii_ip": (
        "dotted IPv4 with a part above 9 that is no net, IPv6 with four groups or more, or 2xxx:…::…",
        "addresses of small parts such as 1.1.1.1",
    ),
    "postal_address": (
        "street, number and postcode within 60 characters, in the layouts of ten Western countries",
        "addresses without a postcode, other layouts; whether the street exists",
    ),
}
# The forms of engine/data/personal.py without what stands around them, and whatever has digits or signs that are
# read as those of ASCII there.
GATE = (
    r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11}|\d{4}(?:[ -]?\d){9}|\d{3}[ -]?\d{2}[ -]?\d{4}|\d{1,3}(?:\.\d{1,3}){3}"
    r"|[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){3}|[23f][0-9a-f]{3}:[0-9a-f]{1,4}::[0-9a-f]"
    r"|\+\d(?:[ ()./-]{0,2}\d){6}"
    r"|(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}"
    r"|(?:phone|tel|mobil|cell|call|fax|whatsapp|handy|nummer|t\xc3[\xa9\x89]l|m\xc3[\xb3\x93]vil|fono|\xe7\x94\xb5\xe8\xaf\x9d"
    r"|\xe9\x9b\xbb\xe8\xa9\xb1|\xe6\x89\x8b\xe6\x9c\xba|\xe6\x90\xba\xe5\xb8\xaf|\xec\xa0\x84\xed\x99\x94)[^\d\n]*"
    r"\(?\d(?:[ ()./-]{0,2}\d){6}"
    r"|(?:\xc2\xa0|\xe2\x80[\x80-\x95\xaf]|\xe2\x88\x92|\xe3\x80\x80|\xef\xbc[\x88-\x8e\x9a])[\d(]"
    r"|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9]|\xdf[\x80-\x89]|\xe0(?:[\xa5-\xb7][\xa6-\xaf]|[\xb9\xbb][\x90-\x99]|\xbc[\xa0-\xa9])"
    r"|\xe1[\x81\x9f][\x80-\xa9]|\xef\xbc[\x90-\x99]|\xf0\x9d\x9f[\x8e-\xbf]"
    rf"|{postal.GATE}"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        flagged: set[str] = set()
        for text, kind in ((f"{seen.prompt}\n{seen.answer}\n{seen.rest}", ""), (seen.beside, BESIDE)):
            for code, begin, _ in personal_numbers(text) if text else ():
                if code not in flagged:
                    flagged.add(code)
                    book.flag(code, seen.number, seen.line, f"{text[begin : begin + 2]}***", kind)


def conclude(state: None, book: Book, facts: Facts) -> None:
    book.say({code: {"measure": measure, "cannot_see": unseen} for code, (measure, unseen) in MEASURES.items()})
