"""Prompts that are variations of few patterns."""

from __future__ import annotations

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.likeness import distinct, nearest
from engine.data.sample import sample
from engine.data.seen import Seen
from engine.data.similar import Instructions, units

ABOUT = (
    About(
        "low_diversity",
        "Prompts much alike",
        "notice",
        "Rows made from few patterns teach the patterns: the model fails on the same wish in other words.",
        "Collect prompts from other people and sources, or draft rows that differ; more of the same adds little.",
    ),
)
LEAST_ROWS, MOST_ROWS = 50, 1000
ALIKE, SHARE = 0.7, 0.5


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: likeness is of a sample of rows once all were seen."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Self-Instruct keeps a new instruction only when its ROUGE-L with every known one is below 0.7 (Wang and others
    2023); here the file is judged when half of its prompts would not have been kept."""
    if facts.usable < LEAST_ROWS:
        return
    parts = sample(facts).parts
    step = -(-len(parts) // MOST_ROWS)
    split = [units(part.prompt)[0] for part in parts[::step]]
    instructions = Instructions()
    instructions.learn(split)
    prompts = [[word.decode("utf-8", "replace") for word in instructions.without(words)] for words in split]
    likeness = nearest(prompts)
    share = round(float(np.mean(likeness >= ALIKE)), 4)
    facts.sections["diversity"] = {
        "measure": f"each prompt's ROUGE-L to the most alike other; alike from {ALIKE} on",
        "rows": facts.usable,
        "sampled": len(prompts) if len(prompts) < facts.usable else None,
        **{f"distinct_{n}": round(distinct(prompts, n), 4) for n in (1, 2, 3)},
        "self_similarity": round(float(likeness.mean()), 4),
        "alike_share": share,
        "threshold": SHARE,
    }
    if share >= SHARE:
        finding = book.finding("low_diversity")
        finding.count = int((likeness >= ALIKE).sum())
        finding.extra |= {
            "measure": f"{share:.0%} of {len(prompts):,} sampled prompts have another at ROUGE-L {ALIKE} or "
            "above, the likeness at which Self-Instruct drops an instruction; a constant opening is left out",
            "threshold": f"{SHARE:.0%} of the prompts",
            "cannot_see": "prompts that ask the same in other words",
        }
