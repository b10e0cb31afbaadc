"""Which checkpoint of a run to take: the best on the target among those that still know what the base model knew.

A pure rule over scores; the engine asks it while it trains, the pages when they show a run. No torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.evaluation.measures import MEASURES, counted, label
from engine.evaluation.suite_rows import title_of

EVAL_LOSS, TASK_SCORE = "eval_loss", "task_score"
"""What a checkpoint may be chosen by, as named among the scores of a step: nats a token, and a share of rows."""

Scores = Mapping[str, Mapping[str, float]]
"""str(step) -> {"eval_loss", "task_score", "suite/measure"}; step 0 is the model before training."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One measured step. ``gain``: relative fall of the validation loss since step 0, or what the task metric rose by;
    positive is better. ``change``: the worst relative change of any suite's measure that is more than chance,
    negative is forgotten. None: not measured."""

    step: int
    target: float | None
    gain: float | None
    change: float | None
    worst: str
    loss: float | None = None
    """The validation loss, which decides between equals."""
    by: str = EVAL_LOSS

    @property
    def order(self) -> tuple[float, float, int]:
        """The better one is the smaller; of equals the earlier: it has had less time to forget."""
        target = self.target or 0.0
        return (-target if self.by == TASK_SCORE else target, self.loss or 0.0, self.step)

    @property
    def target_words(self) -> str:
        if self.target is None:
            return "not measured"
        return f"{self.target:.1%}" if self.by == TASK_SCORE else f"{self.target:.3f}"

    def within(self, limit: float) -> bool:
        """Whether nothing fell by ``limit`` (a share) or more. What was not probed counts as within."""
        return self.change is None or self.change > -limit


@dataclass(frozen=True, slots=True)
class Recommendation:
    """``step`` is None when no checkpoint is within the limit; ``why`` says so in a sentence."""

    step: int | None
    why: str


def candidates(
    scores: Scores, baseline: Mapping[str, float], sizes: Mapping[str, int] | None = None, by: str = EVAL_LOSS
) -> list[Candidate]:
    """The measured steps in order. ``baseline`` maps "suite/measure" to the score at step 0, ``sizes`` to the rows it
    rests on: of a share, a fall by one or two rows is chance. ``by``: what is chosen by, where any step has it; else
    the validation loss."""
    by = by if any(by in values for values in scores.values()) else EVAL_LOSS
    start = scores.get("0", {}).get(by)
    found = []
    for name, values in sorted(scores.items(), key=lambda item: int(item[0])):
        changes = {
            key: counted(baseline[key], value, measure, (sizes or {}).get(key))
            for key, value in values.items()
            if key in baseline and (measure := key.rpartition("/")[2]) in MEASURES
        }
        worst = min(changes, key=lambda key: changes[key], default="")
        target, loss = values.get(by), values.get(EVAL_LOSS)
        found.append(Candidate(int(name), target, _gain(start, target, by), changes.get(worst), worst, loss, by))
    return found


def _gain(start: float | None, target: float | None, by: str) -> float | None:
    if start is None or target is None:
        return None
    if by == TASK_SCORE:
        return target - start
    return (start - target) / abs(start) if start else None


def recommend(
    found: Collection[Candidate], saved: Collection[int], limit: float, titles: Mapping[str, str] | None = None
) -> Recommendation:
    """The best target among the ``saved`` steps within the limit; without a target the newest of them.

    ``limit`` is a share (0.05 is 5 %); ``titles`` names suites that are files.
    """
    measured = [one for one in found if one.step in saved and one.step > 0]
    if not measured:
        return Recommendation(None, "No checkpoint has been measured yet.")
    within = [one for one in measured if one.within(limit)]
    if not within:
        best = max(measured, key=lambda one: one.change or 0.0)
        return Recommendation(
            None,
            f"No checkpoint is within the forgetting limit of {limit * 100:g}%: the one that forgot least, step "
            f"{best.step:,}, changed by {best.change:+.1%} on {words_of(best.worst, titles)}. "
            "Train with a lower learning rate.",
        )
    targeted = [one for one in within if one.target is not None]
    if not targeted:
        newest = max(within, key=lambda one: one.step)
        return Recommendation(
            newest.step, f"Step {newest.step:,} is the newest within the limit; {_kept(newest, titles)}."
        )
    best = min(targeted, key=lambda one: one.order)
    return Recommendation(best.step, _why(best, measured, limit, titles))


def _why(best: Candidate, measured: list[Candidate], limit: float, titles: Mapping[str, str] | None) -> str:
    by_task = best.by == TASK_SCORE
    what = "best task metric" if by_task else "lowest validation loss"
    text = f"Step {best.step:,} has the {what} ({best.target_words})"
    past = [one for one in measured if not one.within(limit)]
    text += " of the checkpoints within the forgetting limit" if past else ""
    text += f"; {_kept(best, titles)}."
    better = [one for one in past if one.target is not None and one.order[0] < best.order[0]]
    if better:
        first = min(better, key=lambda one: one.order)
        word = "better" if by_task else "lower"
        text += f" Step {first.step:,} is {word} ({first.target_words}) but past the limit ({first.change:+.1%})."
    if best.gain is not None and best.gain <= 0:
        text += " It is no better than the model before step 1."
    return text


def _kept(one: Candidate, titles: Mapping[str, str] | None) -> str:
    if one.change is None:
        return "forgetting was not measured"
    return f"its worst change is {one.change:+.1%} on {words_of(one.worst, titles)}"


def words_of(key: str, titles: Mapping[str, str] | None) -> str:
    """ "general/accuracy" in a sentence."""
    suite, _, measure = key.rpartition("/")
    if not suite:
        return "any suite"
    if titles and suite in titles:
        return label(titles[suite], measure)
    name = label(title_of(suite), measure)
    return name[0].lower() + name[1:]
