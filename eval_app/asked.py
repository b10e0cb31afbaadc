"""What the address of the compare page asks for: which systems and rows, in which order. The address is the state."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, QuerySet
from django.http import QueryDict

from datasets_app.review_models import RowTag
from engine.evaluation.slices import SLICED_BY
from engine.events import plain
from eval_app.models import Evaluation, EvaluationRow, Output, RowFact, RowNote, System

MOST_SYSTEMS = 6
REFERENCE, NOTHING = "reference", "nothing"


@dataclass(frozen=True, slots=True)
class Show:
    """A filter: rows where candidate ``c`` and baseline ``b`` stand so."""

    label: str
    help: str
    where: Callable[[], Any]


def _noted() -> Any:
    return Exists(RowNote.objects.filter(evaluation=OuterRef("evaluation"), position=OuterRef("position")))


def _broken() -> Any:
    """Something the baseline did on this row that the candidate does no longer."""
    return (
        Q(b__right=True, c__right=False)
        | Q(b__invalid=False, c__invalid=True)
        | Q(b__refused=False, c__refused=True)
        | Q(b__problem="") & ~Q(c__problem="") & Q(c__isnull=False)
    )


SHOWS: dict[str, Show] = {
    "wins": Show(
        "Wins", "The candidate did better than the baseline by the deciding measure.",
        lambda: Q(c__score__gt=F("b__score")),
    ),
    "losses": Show("Losses", "The candidate did worse than the baseline.", lambda: Q(c__score__lt=F("b__score"))),
    "regressions": Show(
        "Regressions",
        "The baseline was right, in the form that was asked for, or answered; the candidate no longer is or does.",
        _broken,
    ),
    "both": Show("Both right", "Equal, and right.", lambda: Q(c__score=F("b__score"), c__right=True)),
    "neither": Show("Both wrong", "Equal, and not right.", lambda: Q(c__score=F("b__score"), c__right=False)),
    "invalid": Show("Invalid format", "The candidate's answer lacks the form asked for.", lambda: Q(c__invalid=True)),
    "refusals": Show("Refusals", "The candidate declines to answer.", lambda: Q(c__refused=True)),
    "failed": Show("Failed", "The candidate gave no answer; why is shown.", lambda: Q(c__problem__gt="")),
    "noted": Show("With note", "Somebody left a note on the row.", _noted),
}  # fmt: skip

ORDERS = {
    "": "In order",
    "best": "Best first",
    "worst": "Worst first",
    "random": "Random",
}
SORTS: dict[str, Callable[[], list[Any]]] = {
    "best": lambda: [F("c__score").desc(nulls_last=True), (F("c__score") - F("b__score")).desc(nulls_last=True)],
    "worst": lambda: [F("c__score").asc(nulls_last=True), (F("c__score") - F("b__score")).asc(nulls_last=True)],
}


@dataclass(frozen=True, slots=True)
class Asked:
    systems: tuple[System, ...]
    """All of the evaluation; ``shown`` are at most six of them, in this order."""
    shown: tuple[System, ...]
    baseline: System
    candidate: System
    against: str
    """What words are marked against: ``reference``, ``nothing``, or the key of a system."""
    show: str
    order: str
    seed: int
    by: str
    value: str
    tag: str
    query: str

    @classmethod
    def read(cls, found: Evaluation, get: QueryDict) -> Asked:
        """From a query string; what it names that is not there counts as not named."""
        systems = tuple(found.systems.all())
        by_key = {system.key: system for system in systems}
        stored = next((system for system in systems if system.is_baseline), systems[0])
        baseline = by_key.get(get.get("baseline", ""), stored)
        others = [system for system in systems if system is not baseline]
        usual = next((one for one in others if one.kind == "checkpoint"), others[0] if others else baseline)
        candidate = by_key.get(get.get("candidate", ""), usual)
        if candidate is baseline:
            candidate = usual
        against = get.get("against", REFERENCE)
        seed = get.get("seed", "")
        by, _, value = get.get("slice", "").partition(":")
        return cls(
            systems=systems,
            shown=_shown(systems, [by_key[key] for key in get.getlist("on") if key in by_key], baseline, candidate),
            baseline=baseline,
            candidate=candidate,
            against=against if against in {REFERENCE, NOTHING, *by_key} else REFERENCE,
            show=get.get("show", "") if get.get("show", "") in SHOWS else "",
            order=get.get("order", "") if get.get("order", "") in ORDERS else "",
            seed=int(seed) if seed.isascii() and seed.isdecimal() and len(seed) < 10 else 1,
            by=plain(by) if value else "",
            value=plain(value),
            tag=plain(get.get("tag", "").strip()[:40]),
            query=plain(get.get("q", "").strip()[:200]),
        )

    def narrowed(self, found: Evaluation, dataset_id: int) -> QuerySet[EvaluationRow]:
        """The rows of slice, tag and search, with the answers of candidate and baseline beside each."""
        rows = EvaluationRow.objects.filter(evaluation=found).annotate(
            b=FilteredRelation("outputs", condition=Q(outputs__system=self.baseline)),
            c=FilteredRelation("outputs", condition=Q(outputs__system=self.candidate)),
        )
        if self.by:
            rows = rows.filter(Exists(RowFact.objects.filter(row=OuterRef("pk"), by=self.by, value=self.value)))
        if self.tag:
            tagged = RowTag.objects.filter(mark__dataset_id=dataset_id, tag=self.tag)
            rows = rows.filter(row_id__in=tagged.values("mark__row_id"))
        return rows.filter(_holds(self.query)) if self.query else rows

    def counts(self, rows: QuerySet[EvaluationRow]) -> dict[str, int]:
        """How many of ``rows`` each filter has, and ``all``."""
        tally = {key: Count("pk", filter=show.where()) for key, show in SHOWS.items()}
        found: dict[str, int] = rows.order_by().aggregate(all=Count("pk"), **tally)
        return found

    def sequence(self, rows: QuerySet[EvaluationRow]) -> list[int]:
        """The positions of the rows that are shown, in the order asked for."""
        if self.show:
            rows = rows.filter(SHOWS[self.show].where())
        sort = SORTS[self.order]() if self.order in SORTS else []
        places = list(rows.order_by(*sort, "position").values_list("position", flat=True))
        if self.order == "random":
            random.Random(self.seed).shuffle(places)
        return places

    @property
    def slice_words(self) -> str:
        return f"{SLICED_BY.get(self.by, self.by)}: {self.value}" if self.by else ""

    @property
    def words(self) -> str:
        """The filter, as an export states it."""
        parts = [SHOWS[self.show].label if self.show else "All rows"]
        parts += [self.slice_words] if self.by else []
        parts += [f"tag {self.tag}"] if self.tag else []
        parts += [f"containing “{self.query}”"] if self.query else []
        order = ORDERS[self.order].lower()
        return ", ".join([*parts, f"{order} (seed {self.seed})" if self.order == "random" else order])


def _shown(systems: tuple[System, ...], named: list[System], baseline: System, candidate: System) -> tuple[System, ...]:
    """At most six, the pair that is compared always among them, in the order of the evaluation."""
    wanted = dict.fromkeys([baseline, candidate, *(named or systems)])
    kept = set(list(wanted)[:MOST_SYSTEMS])
    return tuple(system for system in systems if system in kept)


def _holds(query: str) -> Any:
    """Rows with ``query`` in prompt, reference or an output. SQLite keeps JSON escaped: both forms are asked."""
    said = Output.objects.filter(row=OuterRef("pk"), text__icontains=query)
    prompt = Q(messages__icontains=query) | Q(messages__icontains=json.dumps(query)[1:-1])
    return prompt | Q(reference__icontains=query) | Exists(said)
