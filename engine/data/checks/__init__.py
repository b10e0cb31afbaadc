"""The table of checks.

Each is one file with ABOUT, start(options), look(state, batch, book) and conclude(state, book, facts).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from engine.data.book import About, Book
from engine.data.mask import mask_text

if TYPE_CHECKING:
    from engine.data.columns import Column
    from engine.data.sample import Sample
    from engine.data.seen import Seen

# name → dotted module. A check that finds one thing is named by its code.
CHECKS: dict[str, str] = {
    "structure": "engine.data.checks.structure",
    "role_order": "engine.data.checks.role_order",
    "system_not_first": "engine.data.checks.system_not_first",
    "ends_with_user": "engine.data.checks.ends_with_user",
    "prompt_equals_answer": "engine.data.checks.prompt_equals_answer",
    "chosen_equals_rejected": "engine.data.checks.chosen_equals_rejected",
    "mixed_shapes": "engine.data.checks.mixed_shapes",
    "missing_system": "engine.data.checks.missing_system",
    "mixed_instruction_styles": "engine.data.checks.mixed_instruction_styles",
    "exact_duplicate": "engine.data.checks.exact_duplicate",
    "normalised_duplicate": "engine.data.checks.normalised_duplicate",
    "conflicting_answers": "engine.data.checks.conflicting_answers",
    "label_imbalance": "engine.data.checks.label_imbalance",
    # Asks whether rows have classes, which the one above decides.
    "near_duplicate": "engine.data.checks.near_duplicate",
    "over_cutoff": "engine.data.checks.over_cutoff",
    "no_supervised_tokens": "engine.data.checks.no_supervised_tokens",
    "length_outlier": "engine.data.checks.length_outlier",
    "refusal_boilerplate": "engine.data.checks.refusal_boilerplate",
    "template_in_content": "engine.data.checks.template_in_content",
    "placeholder_text": "engine.data.checks.placeholder_text",
    "mojibake": "engine.data.checks.mojibake",
    "control_characters": "engine.data.checks.control_characters",
    "zero_width": "engine.data.checks.zero_width",
    "bidi_override": "engine.data.checks.bidi_override",
    "stale_fact": "engine.data.checks.stale_fact",
    "repetition_loop": "engine.data.checks.repetition_loop",
    "truncated_answer": "engine.data.checks.truncated_answer",
    "mixed_answer_formats": "engine.data.checks.mixed_answer_formats",
    "mixed_markdown": "engine.data.checks.mixed_markdown",
    "html_markup": "engine.data.checks.html_markup",
    "pii_email": "engine.data.checks.pii_email",
    "other_language": "engine.data.checks.other_language",
    "suspicious_label": "engine.data.checks.suspicious_label",
    "personal_data": "engine.data.checks.personal_data",
    "secret": "engine.data.checks.secret",
    "pii_name": "engine.data.checks.pii_name",
    "unsafe_content": "engine.data.checks.unsafe_content",
    "unsafe_by_model": "engine.data.checks.unsafe_by_model",
    "leak_identical": "engine.data.checks.leak_identical",
    "leak_prompt": "engine.data.checks.leak_prompt",
    "leak_ngram": "engine.data.checks.leak_ngram",
    "too_few_rows": "engine.data.checks.too_few_rows",
    "coverage": "engine.data.checks.coverage",
    "low_diversity": "engine.data.checks.low_diversity",
    "low_agreement": "engine.data.checks.low_agreement",
    "missing_edge_cases": "engine.data.checks.missing_edge_cases",
    "over_verbose": "engine.data.checks.over_verbose",
}

# What checks show beside findings (``Facts.sections``); docs/data-checks.md has the fields.
SECTIONS = ("coverage", "diversity", "agreement", "edge_cases", "size", "not_looked")


@dataclass(frozen=True, slots=True)
class Options:
    """What an audit was asked for. ``held_out`` are the keys of a test file to look for, when one was given;
    ``production`` a file of real prompts to compare with; ``safety_model`` a folder with a classification model."""

    cutoff_len: int = 2048
    has_tokens: bool = False
    held_out: Any = None
    production: Path | None = None
    safety_model: Path | None = None


@dataclass(slots=True)
class Facts:
    """What is known once every row was seen. Columns are in the order of the usable rows. ``sections`` are what checks
    have to show beside findings: parts of the document, by name. ``mask`` hides personal data as ``mask_text`` does."""

    connection: sqlite3.Connection
    columns: dict[str, Column]
    formats: dict[str, int]
    usable: int
    file: Path
    container: str
    label_balance: dict[str, Any] | None = None
    sections: dict[str, Any] = field(default_factory=dict)
    sample: Sample | None = None
    clusters: Any = None
    mask: Callable[[str], str] = mask_text
    # A check that compares for long says how far it is: (done, of).
    tell: Callable[[int, int], None] = field(default=lambda done, of: None)


class Check(Protocol):
    ABOUT: tuple[About, ...]

    def start(self, options: Options) -> Any: ...
    def look(self, state: Any, batch: list[Seen], book: Book) -> None: ...
    def conclude(self, state: Any, book: Book, facts: Facts) -> None: ...


@cache
def load(name: str) -> Check:
    """The module of a check. Raises KeyError for a name that is not in the table."""
    return cast(Check, import_module(CHECKS[name]))


def checks() -> Iterator[Check]:
    return (load(name) for name in CHECKS)
