"""Telephone, card, bank, social security and IP numbers and postal addresses, found in one pass that gives each digit
to one of them."""

from __future__ import annotations

from engine.data import postal
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.mask import mask_text
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
    "pii_ssn": ("form 123-45-6789 and the blocks that were ever issued", "numbers written without hyphens"),
    "pii_ip": (
        "dotted IPv4 with a part above 9, IPv6 with four groups or more",
        "addresses of small parts such as 1.1.1.1",
    ),
    "postal_address": (
        "street, number and postcode within 60 characters, in the layouts of ten Western countries",
        "addresses without a postcode, other layouts; whether the street exists",
    ),
}
# The forms of engine/data/personal.py without what stands around them; its digits are those of ASCII.
GATE = (
    r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11}|\d(?:[ -]?\d){12}|\d{3}-\d{2}-\d{4}|\d{1,3}(?:\.\d{1,3}){3}"
    r"|[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){3}|\+\d(?:[ ()./-]{0,2}\d){6}"
    r"|(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}"
    r"|(?:phone|tel|mobile|cell|call|fax|whatsapp|telefon|handy|tel\xc3[\xa9\x89]fono)\b[^\d\n]*"
    r"\(?\d(?:[ ()./-]{0,2}\d){6}"
    rf"|{postal.GATE}"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}\n{seen.rest}"
        flagged: set[str] = set()
        for code, begin, end in personal_numbers(text):
            if code not in flagged:
                flagged.add(code)
                book.flag(code, seen.number, seen.line, mask_text(text[begin:end]))


def conclude(state: None, book: Book, facts: Facts) -> None:
    for code, (measure, unseen) in MEASURES.items():
        if book.has(code):
            book.finding(code).extra |= {"measure": measure, "cannot_see": unseen}
