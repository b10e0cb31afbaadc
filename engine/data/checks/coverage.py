"""What the prompts are about: clusters with their shares, the rare ones, and what real traffic has and they lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.production import Production, read_production
from engine.data.sample import Sample, sample
from engine.data.seen import Seen
from engine.data.topics import ALONE, MEASURE, TIGHT, Topics, topics
from engine.evaluation.significance import wilson

ABOUT = (
    About(
        "missing_from_production",
        "Real traffic the data lacks",
        "notice",
        "What users ask and the rows do not show is answered by chance.",
        "Collect or draft rows of these kinds; begin with the most frequent.",
    ),
    About(
        "rare_cluster",
        "Rare kinds of prompt",
        "notice",
        "A kind of prompt with a handful of rows is learnt late or never.",
        "Collect more rows of these kinds, or drop them if they do not belong here.",
    ),
)
LEAST_ROWS, LEAST_PRODUCTION = 50, 20
RARE_SHARE, RARE_OF_EVEN, LEAST_IN_RARE = 0.01, 0.25, 3
TIMES, SURE = 2, 0.95
POINTS, EXAMPLES = 2000, 3
# ``look`` changes nothing in the state.
FIXED = True


def start(options: Options) -> Path | None:
    return options.production


def look(state: Path | None, batch: list[Seen], book: Book) -> None:
    """Nothing: clusters are made of a sample of rows once all were seen."""


def conclude(state: Path | None, book: Book, facts: Facts) -> None:
    production = read_production(state) if state else None
    if facts.usable < LEAST_ROWS:
        return
    rows = sample(facts)
    others = production.prompts if production and len(production.prompts) >= LEAST_PRODUCTION else []
    found = topics([part.prompt for part in rows.parts] + [text for _, text in others])
    facts.clusters = found
    clusters = _clusters(rows, found)
    section = {
        "measure": MEASURE,
        "rows": facts.usable,
        "sampled": rows.sampled,
        "k": found.k,
        "clusters": clusters,
        "points": _points(rows, found),
        "rare": [each["id"] for each in clusters if each["rare"]],
        "production": None,
    }
    if production is not None:
        section["production"] = _compare(production, others, rows, found, clusters)
    facts.sections["coverage"] = section
    _flag_rare(book, rows, found, clusters)
    _flag_missing(book, clusters)


def _clusters(rows: Sample, found: Topics) -> list[dict[str, Any]]:
    of, total = found.of[: len(rows.parts)], len(rows.parts)
    most = min(RARE_SHARE, RARE_OF_EVEN / len(found.terms)) * total
    clusters = []
    for each, terms in enumerate(found.terms):
        places = np.flatnonzero(of == each)
        middle = found.xy[found.of == each].mean(axis=0)
        nearest = places[np.argsort(-found.closeness[places], kind="stable")[:EXAMPLES]]
        clusters.append(
            {
                "id": each,
                "share": len(places) / total,
                "count": len(places),
                "terms": terms,
                "examples": sorted(rows.parts[place].line for place in nearest),
                "x": round(float(middle[0]), 4),
                "y": round(float(middle[1]), 4),
                "rare": found.tight[each] and LEAST_IN_RARE <= len(places) <= most,
            }
        )
    return clusters


def _points(rows: Sample, found: Topics) -> list[list[float]]:
    step = -(-len(rows.parts) // POINTS)
    return [
        [round(float(found.xy[place, 0]), 4), round(float(found.xy[place, 1]), 4), int(found.of[place]), part.number]
        for place, part in list(enumerate(rows.parts))[::step]
    ]


def _compare(
    production: Production, others: list[tuple[int, str]], rows: Sample, found: Topics, clusters: list[dict[str, Any]]
) -> dict[str, Any]:
    """Adds the shares of real prompts to each cluster. A cluster is missing when its interval in production lies above
    that in the data, and its lower end above twice the data's share."""
    total = len(rows.parts)
    of = found.of[total:]
    for each in clusters:
        places = np.flatnonzero(of == each["id"])
        each["production_count"] = len(places)
        each["production_share"] = len(places) / max(1, len(others))
        near = places[np.argsort(-found.closeness[total + places], kind="stable")[:EXAMPLES]]
        each["production_examples"] = sorted(others[place][0] for place in near)
        low = wilson(len(places), len(others), SURE).low if others else 0.0
        high = wilson(each["count"], total, SURE).high
        each["missing"] = low > high and low > TIMES * each["share"]
    return {
        "name": production.name,
        "rows": production.rows,
        "unusable": production.unusable,
        "sampled": production.sampled,
        "missing": [each["id"] for each in clusters if each["missing"]],
    }


def _flag_rare(book: Book, rows: Sample, found: Topics, clusters: list[dict[str, Any]]) -> None:
    rare = {each["id"]: each for each in clusters if each["rare"]}
    for part, each in zip(rows.parts, found.of.tolist(), strict=False):
        if each in rare:
            about = ", ".join(rare[each]["terms"][:4])
            book.flag(
                "rare_cluster", part.number, part.line, f"One of {rare[each]['count']} about: {about}.", str(each)
            )
    if rare:
        book.finding("rare_cluster").extra |= {
            "measure": MEASURE + (f"; of a sample of {len(rows.parts):,} rows" if rows.sampled else ""),
            "threshold": f"at most {RARE_SHARE:.0%} of the rows and a quarter of an even share; close together (mean "
            f"cosine to the centre at least {TIGHT}) and apart from the rest (below {ALONE} to any other centre)",
            "cannot_see": f"kinds with fewer than {LEAST_IN_RARE} rows",
        }


def _flag_missing(book: Book, clusters: list[dict[str, Any]]) -> None:
    missing = sorted((each for each in clusters if each.get("missing")), key=lambda each: -each["production_count"])
    if not missing:
        return
    finding = book.finding("missing_from_production")
    finding.count = sum(each["production_count"] for each in missing)
    finding.extra |= {
        "measure": "clusters of rows and real prompts together; the count is of real prompts",
        "threshold": f"{SURE:.0%} Wilson interval of the production share above that of the data's share, and its "
        f"lower end above {TIMES} times the data's share",
        "cannot_see": "traffic that the sample of real prompts did not catch",
        "clusters": [{key: each[key] for key in ("id", "terms", "count", "share", *_REAL)} for each in missing],
    }


_REAL = ("production_count", "production_share", "production_examples")
