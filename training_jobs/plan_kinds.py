"""The kinds of plans: what each is, its form, and the steps that a filled-in form becomes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datasets_app import launching as data
from datasets_app.models import Split
from engine.data.identities import numbers_of
from engine.data.index import open_index
from engine.drafting.seeds import MOST
from training_jobs.plan_forms import AnswersForm, PlanForm, TwoStageForm
from training_jobs.plans import Wish


@dataclass(frozen=True)
class PlanKind:
    """``wishes`` gives the steps of a valid form. Raises NotReady."""

    title: str
    about: str
    form: type[PlanForm]
    wishes: Callable[[Any], list[Wish]]


def two_stage(form: TwoStageForm) -> list[Wish]:
    """Continued pre-training, merge, answers."""
    asked = form.cleaned_data
    first = _training(form, "text", "cpt", asked["base_model"].pk, asked["text_split"].pk)
    second = _training(form, "chat", "sft", {"from": 1}, asked["chat_split"].pk)
    return [
        Wish("train", "Learn the text (CPT)", first),
        Wish("merge", "Fold what was learned into the model", {"of": 0}),
        Wish("train", "Learn the answers (SFT)", second),
    ]


def answers(form: AnswersForm) -> list[Wish]:
    """Draft, review, data set, split, training."""
    asked = form.cleaned_data
    split: Split = asked["split"]
    drafting = {
        "version": split.version_id,
        "teacher": asked["teacher"],
        "asked": {
            "count": asked["count"],
            "per_request": 1,
            "instruction": asked["instruction"].replace("\r\n", "\n").strip(),
            "seeds": {"numbers": training_rows(split, asked["count"])},
            "redact": asked["redact"],
            "seed": 42,
            "temperature": 0.0,
        },
    }
    student = _training(form, "student", "sft", asked["base_model"].pk, {"from": 3})
    return [
        Wish("draft", "The teacher writes the answers", drafting),
        Wish("review", "You review them", {"of": 0}),
        Wish("rows", "Accepted answers become a data set", {"of": 0}),
        Wish("split", "Split it", {"of": 2}),
        Wish("train", "The student learns them (SFT)", student),
    ]


def training_rows(split: Split, count: int) -> list[int]:
    """Numbers, in the version, of ``count`` training rows drawn by a seed: held-out prompts are never shown to a
    student. Raises NotReady.
    """
    audit = data.audit_of(split.version)
    try:
        with split.file("train").with_suffix(".ids").open() as file:
            known = [line.strip() for line in file]
        connection = open_index(audit.folder / "index.sqlite")
    except OSError as error:
        raise data.NotReady("The files of this split are gone from the disk. Split the version again.") from error
    try:
        ids = random.Random(42).sample(known, min(count, MOST, len(known)))
        return numbers_of(connection, ids)[:count]
    finally:
        connection.close()


def _training(form: PlanForm, stage: str, method: str, model: Any, split: Any) -> dict[str, Any]:
    return {
        "method": method,
        "adapter": form.cleaned_data[f"{stage}_adapter"],
        "base_model": model,
        "split": split,
        "training": form.training(stage),
    }


PLANS: dict[str, PlanKind] = {
    "two_stage": PlanKind(
        "Domain text, then answers",
        "Two runs in a row: the model reads raw text of your field (CPT), is merged, and then learns to answer (SFT). "
        "For a field whose language the base model hardly knows.",
        TwoStageForm,
        two_stage,
    ),
    "answers": PlanKind(
        "A student learns a teacher's answers",
        "A large model answers your prompts, you review the answers, and a small model is trained on them. For when "
        "the large one is too slow or too dear to run.",
        AnswersForm,
        answers,
    ),
}
