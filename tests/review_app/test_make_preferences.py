"""Decisions become preference rows in a new version, whose history says which test rows it teaches."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion
from engine.data.records import Reader
from engine.data.splits.leaks import find_leaks
from engine.methods.table import METHODS
from eval_app.models import Evaluation
from review_app.models import PreferenceSet, Review
from review_app.preferring import systems_taught
from tests.datasets_app.cast import without_model
from tests.review_app.cast import answer_of, decide_all, evaluated, reviewed
from tests.world import World, run_to_end

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation(world: World) -> Evaluation:
    return evaluated(world)


@pytest.fixture
def review(world: World, evaluation: Evaluation) -> Review:
    """Both prefer the tuned answer, but for one row on which they disagree and one tie."""
    review = reviewed(world, evaluation, reviewers=[str(world.member.pk), str(world.owner.pk)])
    decide_all(world, review, "member")
    shared = review.reviewers.get(user=world.member).decisions.get(number=1).item
    number = review.reviewers.get(user=world.owner).decisions.get(item=shared).number
    decide_all(world, review, "owner", **{f"item_{number}": "tie"})
    return review


def make(world: World, review: Review, role: str = "member", **data: str) -> DatasetVersion:
    answer = world.client(role).post(reverse("review_preferences", args=[world.project.pk, review.pk]), data)
    assert answer.status_code == 302
    return DatasetVersion.objects.get(pk=int(answer.url.rstrip("/").rpartition("/")[2]))


def test_the_counts_are_previewed(world: World, review: Review) -> None:
    url = reverse("review_results", args=[world.project.pk, review.pk])
    text = world.client("member").get(url).content.decode()
    assert "9 rows from 9 of 10 reviewed rows" in text
    assert "1 left out because reviewers disagree" in text
    assert "cannot be judged on these rows again" in text
    weighted = world.client("member").get(url, {"by": "votes"}).content.decode()
    assert "19 rows from 10 of 10 reviewed rows" in weighted
    assert "preference row" not in world.client("reader").get(url).content.decode().split("<form")[-1]


def test_the_majority_becomes_a_version_ready_for_dpo(world: World, evaluation: Evaluation, review: Review) -> None:
    without_model(world)
    version = make(world, review)
    rows = [json.loads(line) for line in version.path.read_text().splitlines()]
    assert len(rows) == 9
    taught = {item.position: item for item in review.items.all()}
    for row in rows:
        asked = row["prompt"][-1]["content"]
        position = next(place for place, item in taught.items() if item.messages[-1]["content"] == asked)
        assert row["chosen"] == [{"role": "assistant", "content": answer_of("tuned", position)}]
        assert row["rejected"] == [{"role": "assistant", "content": answer_of("base", position)}]
    assert version.audit is not None
    run_to_end(version.audit.run)
    version.audit.refresh_from_db()
    assert version.audit.document["format"] == "preference"
    assert version.audit.document["rows"]["unusable"] == 0
    assert "preference" in METHODS["dpo"].data_shapes
    page = world.client("member").get(version.get_absolute_url()).content.decode()
    assert "Split and go on to training" in page
    assert "9 preference rows of the blind review of Tickets, June, decided by member, owner" in page


def test_the_history_names_the_evaluation_and_the_rows(world: World, evaluation: Evaluation, review: Review) -> None:
    version = make(world, review)
    held_out = version.operation["held_out"]
    assert version.operation["evaluation"] == evaluation.pk
    assert held_out["part"] == "test"
    known = set(evaluation.rows.values_list("row_id", flat=True))
    assert len(held_out["row_ids"]) == 9
    assert set(held_out["row_ids"]) <= known
    page = world.client("reader").get(version.get_absolute_url()).content.decode()
    assert "made from 9 test rows of" in page
    assert "cannot be judged on them again" in page


def test_a_split_by_that_test_file_finds_every_row_as_a_leak(world: World, review: Review) -> None:
    version = make(world, review)
    test = review.evaluation.split.file("test")
    leaks = list(find_leaks(test, Reader(version.path)))
    assert [leak.kind for leak in leaks] == ["prompt"] * 9


def test_an_evaluation_of_what_was_trained_on_them_warns(world: World, evaluation: Evaluation, review: Review) -> None:
    version = make(world, review)
    job = world.job()
    job.split.version = version
    job.split.save(update_fields=["version"])
    assert systems_taught(evaluation) == []
    system = evaluation.systems.get(key="tuned")
    system.checkpoint = job.checkpoints.get()
    system.save(update_fields=["checkpoint"])
    (found,) = systems_taught(evaluation)
    assert found["rows"] == 9
    page = world.client("reader").get(evaluation.get_absolute_url()).content.decode()
    assert "Tuned on tickets has seen 9 of these rows" in page


def test_a_version_made_from_it_remembers(world: World, evaluation: Evaluation, review: Review) -> None:
    version = make(world, review)
    child = version.dataset.add_version(
        parent=version, filename="x.jsonl", sha256=version.sha256, size=1, created_by=world.owner, operation={}
    )
    page = world.client("reader").get(child.get_absolute_url()).content.decode()
    assert "made from 9 test rows of" in page


def test_the_same_rows_again_are_the_version_that_is_there(world: World, review: Review) -> None:
    assert make(world, review) == make(world, review)
    assert PreferenceSet.objects.count() == 1
    assert make(world, review, by="votes") != make(world, review)


def test_they_can_join_the_preferences_that_are_there(world: World, evaluation: Evaluation, review: Review) -> None:
    without_model(world)
    first = make(world, review)
    assert first.audit is not None
    run_to_end(first.audit.run)
    again = reviewed(world, evaluation, systems=["base", "few"])
    decide_all(world, again, key="few")
    url = reverse("review_preferences", args=[world.project.pk, again.pk])
    answer = world.client("member").post(url, {"target": str(first.pk)})
    repair = first.repairs.get()
    assert answer.url == repair.get_absolute_url()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    assert len(repair.child.path.read_text().splitlines()) == 19
    page = world.client("member").get(repair.child.get_absolute_url()).content.decode()
    assert "added to v1: blind review 10" in page
    assert page.count("cannot be judged on them again") == 2
    assert world.client("member").post(url, {"target": "999999"}, follow=True).status_code == 200
    assert PreferenceSet.objects.count() == 2


def test_ties_alone_make_no_version(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation)
    decide_all(world, review, **{f"item_{n}": "tie" for n in range(1, 11)})
    url = reverse("review_preferences", args=[world.project.pk, review.pk])
    page = world.client("member").post(url, follow=True).content.decode()
    assert "there is no preference row to make" in page
    assert not PreferenceSet.objects.exists()


def test_they_wait_for_the_results_to_be_open(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation)
    url = reverse("review_preferences", args=[world.project.pk, review.pk])
    assert world.client("member").post(url, follow=True).status_code == 403
    assert not PreferenceSet.objects.exists()
