"""Which kinds of rows that users will send are not there at all?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.checks.other_language import language
from engine.data.checks.refusal_boilerplate import REFUSAL
from engine.data.sample import Part, sample
from engine.data.seen import Seen

ABOUT = (
    About(
        "missing_edge_cases",
        "No rows for edge cases",
        "notice",
        "What users will send and no row shows is answered by chance, most often with an invented answer.",
        "Add some rows of each kind that this model will meet, with the answer it should give.",
    ),
)
LEAST_ROWS, EXAMPLES = 200, 3
SHORT_WORDS, LONG_CHARACTERS = 2, 2000

_CANNOT = re.compile(
    r"\bi (?:do not|don['’]t|can(?:not|['’]?t)) (?:know|tell|say|find|see)\b"
    r"|\b(?:not enough|insufficient|no|without (?:more|further)) (?:information|context|details)\b"
    r"|\b(?:is|was|are|were) not (?:mentioned|stated|given|specified|provided|available)\b"
    r"|\bnot in the (?:text|context|document)\b"
    r"|\b(?:cannot|can['’]?t|could not|couldn['’]t) (?:be )?(?:determined?|answered?|found)\b|\boutside (?:of )?my\b",
    re.IGNORECASE,
)
_OVERRIDE = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your |these )*(?:previous |prior |above |earlier )?"
    r"(?:instructions|rules|prompts?)\b|\b(?:system prompt|developer mode|jailbreak|pretend (?:you are|to be))\b",
    re.IGNORECASE,
)

# kind → (what the page calls it, whether a row is of it)
KINDS: dict[str, tuple[str, Callable[[Part], bool]]] = {
    "refusal": (
        "refusals and “cannot answer”",
        lambda part: bool(REFUSAL.search(part.answer[:300]) or _CANNOT.search(part.answer[:300])),
    ),
    "clarifying_question": ("answers that ask back", lambda part: part.answer.rstrip().endswith(("?", "？", "؟"))),
    "short_input": (
        f"very short inputs (at most {SHORT_WORDS} words)",
        lambda part: part.prompt_characters < 40 and len(part.prompt.split()) <= SHORT_WORDS,
    ),
    "long_input": (
        f"very long inputs (from {LONG_CHARACTERS:,} characters on)",
        lambda part: part.prompt_characters >= LONG_CHARACTERS,
    ),
    "follow_up": ("follow-up questions (several turns of the user)", lambda part: part.asked > 1),
    "instruction_override": (
        "attempts to override the instructions",
        lambda part: bool(_OVERRIDE.search(part.prompt)),
    ),
}
_NO_ANSWERS = {"text", "slots", "evaluation"}
OTHER_LANGUAGE = "inputs in another language"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the kinds are looked for in a sample of rows once all were seen."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Rows with classes, marked values or choices, and raw text, have no answer that could refuse or ask back."""
    if facts.usable < LEAST_ROWS or facts.label_balance is not None or set(facts.formats) & _NO_ANSWERS:
        return
    rows = sample(facts)
    lines = {kind: [part.line for part in rows.parts if test(part)] for kind, (_, test) in KINDS.items()}
    lines["other_language"] = _other_language(rows.parts)
    titles = {kind: title for kind, (title, _) in KINDS.items()} | {"other_language": OTHER_LANGUAGE}
    kinds = [_kind(kind, titles[kind], found, len(rows.parts)) for kind, found in lines.items()]
    absent = [kind["kind"] for kind in kinds if not kind["count"]]
    section = {"rows": facts.usable, "sampled": rows.sampled, "kinds": kinds, "absent": absent}
    facts.sections["edge_cases"] = section
    if absent:
        finding = book.finding("missing_edge_cases")
        finding.count = len(absent)
        finding.kinds = {kind["kind"]: kind["count"] for kind in kinds}
        sampled = f" in a sample of {len(rows.parts):,}" if rows.sampled else ""
        finding.extra |= {
            "measure": f"no row{sampled} of these kinds: {'; '.join(titles[kind] for kind in absent)}",
            "threshold": f"none, from {LEAST_ROWS} rows on; the count is of kinds",
            "cannot_see": "kinds that are not on the list, and refusals in other languages than English",
        }


def _kind(kind: str, title: str, lines: list[int], rows: int) -> dict[str, Any]:
    share = len(lines) / max(1, rows)
    return {"kind": kind, "title": title, "count": len(lines), "share": share, "examples": lines[:EXAMPLES]}


def _other_language(parts: list[Part]) -> list[int]:
    """Lines of prompts in another language than the commonest."""
    named = [(part.line, language(part.prompt)) for part in parts]
    counts = Counter(name for _, name in named if name)
    if not counts:
        return []
    main = min(counts, key=lambda name: (-counts[name], name))
    return [line for line, name in named if name and name != main]
