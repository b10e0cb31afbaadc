"""Deciding on an item, and where a person goes from it. Each write names the state it was made from, so that several
tabs and repeated clicks do no harm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from engine.evaluation.reviewing import visit_seconds
from review_app.models import Answer, Decision, Reviewer

WORDS = {"tie": Answer.TIE, "neither": Answer.NEITHER, "skip": Answer.SKIP}
LONGEST_COMMENT = 2000


class Elsewhere(Exception):
    """The item was decided otherwise in another window since this page was made."""


@dataclass(frozen=True)
class Said:
    """What the form sent. ``choice`` is "" when a person only moves; ``was`` is what the page showed."""

    choice: str
    was: str
    comment: str
    seconds: float | None

    def is_valid_for(self, decision: Decision) -> bool:
        places = {str(place) for place in range(1, len(decision.order) + 1)}
        return self.choice in places | {"", *WORDS}


def show(decision: Decision) -> None:
    """The clock of an item starts anew whenever it is shown."""
    decision.shown_at = timezone.now()
    decision.save(update_fields=["shown_at"])


def decide(decision: Decision, said: Said) -> None:
    """Records a decision, its comment and the time it took; the same again changes nothing. Raises Elsewhere."""
    kept = said.comment.replace("\r\n", "\n").replace("\x00", "").strip()[:LONGEST_COMMENT]
    if said.choice in ("", decision.said):
        if kept or said.was == decision.said:  # an old window that never saw the comment does not wipe it
            Decision.objects.filter(pk=decision.pk).update(comment=kept)
        return
    if said.was != decision.said:
        raise Elsewhere(decision.said)
    won = said.choice not in WORDS
    now = timezone.now()
    seen = Decision.objects.filter(pk=decision.pk, answer=decision.answer, place=decision.place)
    changed = seen.update(
        answer=Answer.WON if won else WORDS[said.choice],
        place=int(said.choice) if won else None,
        comment=kept,
        seconds=F("seconds") + visit_seconds(said.seconds, _since(decision.shown_at, now)),
        decided_at=now,
    )
    if not changed:
        raise Elsewhere("")
    decision.refresh_from_db()


def next_open(part: Reviewer, after: int) -> int | None:
    """The number of the next open item, going round; None when all are decided."""
    waiting = part.decisions.filter(answer=Answer.OPEN)
    later = waiting.filter(number__gt=after).values_list("number", flat=True).first()
    return later or waiting.values_list("number", flat=True).first()


def progress(part: Reviewer) -> tuple[int, int]:
    """(decided, all); a skip is a decision."""
    return part.decisions.exclude(answer=Answer.OPEN).count(), part.decisions.count()


def finish(part: Reviewer) -> bool:
    """Ends a person's part; False while an item is open. Twice is once."""
    if part.decisions.filter(answer=Answer.OPEN).exists():
        return False
    Reviewer.objects.filter(pk=part.pk, finished_at=None).update(finished_at=timezone.now())
    return True


def _since(shown: datetime | None, now: datetime) -> float:
    return (now - shown).total_seconds() if shown else 0.0
