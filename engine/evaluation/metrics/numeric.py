"""Right number: a number of the answer is the reference's, within an absolute or a relative tolerance.

The last number is read, for that is where a calculation ends (as GSM8K's scoring does). Thousands may be parted by a
comma, point, apostrophe or blank; 45 % equals 0.45, and 45 where only one side has the sign.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from engine.evaluation.metrics.kinds import Outcome
from engine.training.options import check, option

_READ = 20_000
_WHICH = (("last", "the last number"), ("first", "the first number"), ("only", "the only number"))
_BLANKS = "\u00a0\u202f\u2009 "
# Groups of three that blanks part are one number; any other blank ends it.
_NUMBER = re.compile(
    rf"(?<![\w.,])([-+−]?)(?:[$€£¥]\s?)?(\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?![\d])(?:[.,]\d+)?|\d[\d.,'’]*|\.\d+)"
    rf"([eE][-+]?\d{{1,4}})?(?:[{_BLANKS}]?(%))?"
)


@dataclass(frozen=True, slots=True)
class Options:
    absolute: float = option(
        0.0, label="Absolute tolerance", why="A difference up to this is right.", group="Metric", minimum=0
    )
    relative: float = option(
        1e-6,
        label="Relative tolerance",
        why="A difference up to this share of the reference is right; 0.01 for 1 %.",
        group="Metric",
        minimum=0,
    )
    which: str = option(
        "last", label="Which number", why="Of an answer that has several.", group="Metric", choices=_WHICH
    )

    def __post_init__(self) -> None:
        check(self, "metric_options.numeric")


DEFAULT = Options()


def score(outcome: Outcome, options: Options = DEFAULT) -> float | None:
    wanted = numbers(outcome.reference)
    if not wanted:
        return None
    found = numbers(outcome.text[-_READ:] if options.which == "last" else outcome.text[:_READ])
    if not found or (options.which == "only" and len(set(found)) > 1):
        return 0.0
    value, percent = found[0] if options.which == "first" else found[-1]
    target, target_percent = wanted[-1]
    pairs = [(value, target)]
    if percent != target_percent:
        pairs.append((value / 100 if percent else value, target / 100 if target_percent else target))
    return float(any(_near(one, other, options) for one, other in pairs))


def numbers(text: str) -> list[tuple[float, bool]]:
    """Each number of the text with whether a percent sign follows it."""
    found = []
    for sign, digits, exponent, percent in _NUMBER.findall(text):
        value = _value(digits, exponent)
        if value is not None:
            found.append((-value if sign in "-−" and sign else value, bool(percent)))
    return found


def _near(value: float, wanted: float, options: Options) -> bool:
    # Two hundredths of a float's last place: 0.1 + 0.2 is 0.3.
    room = max(options.absolute, options.relative * abs(wanted))
    return abs(value - wanted) <= room + 1e-12 * max(abs(value), abs(wanted))


def _value(digits: str, exponent: str) -> float | None:
    plain = re.sub(rf"[{_BLANKS}'’]", "", digits).rstrip(".,")
    if len(plain) > 300:
        return None
    points, commas = plain.count("."), plain.count(",")
    if points and commas:
        decimal = max(".", ",", key=plain.rfind)
        plain = plain.replace("," if decimal == "." else ".", "")
        plain = plain.replace(",", ".") if plain.count(decimal) == 1 else plain.replace(decimal, "")
    elif commas:
        grouped = re.fullmatch(r"\d{1,3}(?:,\d{3})+", plain)
        plain = plain.replace(",", "" if grouped or commas > 1 else ".")
    elif points > 1:
        plain = plain.replace(".", "")
    try:
        value = float(plain + exponent)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None
