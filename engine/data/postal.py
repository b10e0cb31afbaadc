"""Postal addresses in text, by their form: a street with a number, and a postcode near it.

Hints, not proof: nothing here knows whether the street exists. Six layouts are known: North American and British
(number, street name, kind of street), German, Dutch and Nordic (kind of street in one word, then the number), French
(number, kind of street, name), Spanish and Italian (kind, name, number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Before a value: no word character; in the source text of a JSON row also an escape such as \\n.
_START = r"(?:(?<![\w.,/-])|(?<=\\[nrt]))"
_WORD = r"(?:(?<!\w)|(?<=\\[nrt]))"
# What may stand between a street and its postcode: a flat, a town, line breaks; not a whole sentence.
_BETWEEN = r"[\w\u00c0-\u024f .,'’#/&\n\\-]{0,60}?"
_NAME = r"(?:[A-Z0-9\u00c0-\u00de][\w\u00c0-\u024f.'’-]{0,40}[ ]){1,4}"
_KIND = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way|"
    r"Highway|Hwy|Parkway|Pkwy|Circle|Cir|Trail|Trl|Crescent|Close|Gardens|Grove|Mews|Hill|Row|Walk|Green|Park)\b\.?"
)
_ZIP = r"(?:[A-Z]{2}|[A-Z][a-z]+)[ ,]{1,2}\d{5}(?:-\d{4})?(?![\w-])"
_CANADIAN = r"[A-CEGHJ-NPR-TVXY]\d[A-Z][ -]?\d[A-Z]\d(?!\w)"
_BRITISH = r"(?:[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]?[ ]?\d[ABD-HJLNP-UW-Z]{2}|GIR ?0AA)(?!\w)"
_TOWN = r"(?:[A-Z]{1,2}[- ])?\d{4,5}(?: [A-Z]{2})?[ ]+[A-Z\u00c0-\u00de][\w\u00c0-\u024f-]{2,}"
_GERMAN_STREET = (
    r"(?:[A-Z\u00c0-\u00de][\w\u00c0-\u024f.-]{0,40}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|ufer|damm|chaussee|"
    r"markt|berg|hof|straat|laan|gracht|plein|gatan|vägen|gade|vej|gata|veien)"
    r"|(?:[A-Z\u00c0-\u00de][\w\u00c0-\u024f]{0,30}[ -]){1,3}(?:Stra(?:ß|ss)e|Str\.|Weg|Platz|Allee|Ring|Ufer|Damm)"
    r"|(?:Am|An der|An den|Auf der|Auf dem|Im|In der|Unter den|Zum|Zur) [A-Z\u00c0-\u00de][\w\u00c0-\u024f-]{1,40})"
)
_LAYOUTS = (
    # 12 Oak Street, Apt 4, Springfield, IL 62704; 221B Baker Street, London NW1 6XE; 10 Elm Ave, Toronto M5V 2T6
    re.compile(rf"{_START}\d{{1,6}}[A-Za-z]?(?:[-/]\d+)?[ ]{_NAME}{_KIND}{_BETWEEN}(?:{_ZIP}|{_BRITISH}|{_CANADIAN})"),
    # PO Box 123, Springfield, IL 62704
    re.compile(rf"{_WORD}P\.?O\.? ?Box \d{{1,6}}\b{_BETWEEN}(?:{_ZIP}|{_BRITISH}|{_CANADIAN})"),
    # Hauptstraße 5a, 10115 Berlin; Unter den Linden 77, D-10117 Berlin; Prinsengracht 263, 1016 GV Amsterdam
    re.compile(rf"{_START}{_GERMAN_STREET}[ ]\d{{1,4}}[ ]?[a-zA-Z]?\b{_BETWEEN}{_WORD}{_TOWN}"),
    # 12 bis, rue de la Paix, 75002 Paris
    re.compile(
        _START + r"\d{1,4}(?: ?(?:bis|ter|quater))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|allée|impasse|"
        r"quai|route|cours|Rue|Avenue|Boulevard|Place) (?:[\w\u00c0-\u024f'’.-]{1,40}[ ,\n\\]){1,6}?"
        rf"{_BETWEEN}{_WORD}{_TOWN}"
    ),
    # Calle Mayor 5, 28013 Madrid; Via Roma, 12, 00184 Roma
    re.compile(
        _WORD
        + r"(?:Calle|C/|Avenida|Avda\.|Plaza|Paseo|Via|Viale|Piazza|Corso|Rua) (?:[\w\u00c0-\u024f'’.-]{1,40} ){0,4}"
        r"[\w\u00c0-\u024f'’.-]{1,40},? (?:n[º°.] ?)?\d{1,4}[a-zA-Z]?\b"
        rf"{_BETWEEN}{_WORD}{_TOWN}"
    ),
)
# The end of an address is a postcode: text without one holds no address.
_POSTCODE = re.compile(r"\d{5}|\d[A-Z]{2}\b|\d[A-Z] ?\d|\d{4} [A-Z]")
LEAST_DIGITS = 3
# The layouts without their postcodes, loosely: for the scan that passes over most rows (bytes of UTF-8, no case).
GATE = (
    r"\d{1,6}[a-z]?(?:[-/]\d+)? (?:[^ ]{1,80} ){1,4}(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|"
    r"court|ct|place|pl|square|sq|terrace|ter|way|highway|hwy|parkway|pkwy|circle|cir|trail|trl|crescent|close|gardens|"
    r"grove|mews|hill|row|walk|green|park)\b|p\.?o\.? ?box \d"
    r"|(?:stra(?:\xc3\x9f|ss)e|str\.|weg|platz|allee|gasse|ring|ufer|damm|chaussee|markt|berg|hof|straat|laan|gracht|"
    r"plein|gatan|v\xc3\xa4gen|gade|vej|gata|veien) \d"
    r"|(?:am|an der|an den|auf der|auf dem|im|in der|unter den|zum|zur) [^ ]{1,80} \d"
    r"|\d(?: ?(?:bis|ter|quater))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|all\xc3\xa9e|impasse|quai|route|"
    r"cours) "
    r"|(?:calle|c/|avenida|avda\.|plaza|paseo|via|viale|piazza|corso|rua) (?:[^ ]{1,80} ){1,5}(?:n[^ \d]{1,3} ?)?\d"
)


def postal_addresses(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of what has the form of a postal address, from the house number or street to the postcode or
    town. The same place may come twice."""
    if _POSTCODE.search(text):
        for layout in _LAYOUTS:
            yield from (match.span() for match in layout.finditer(text))
