"""What a person gathered for a version is lost by nothing: not by a run that fails, nor by one that is stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app import launching
from datasets_app.models import DatasetVersion, Repair
from datasets_app.review_models import Waiting
from runs_app.models import Status
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl

QUESTION = "Is the shop open on Sunday?"


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """20 sound rows, and two answers to one question (lines 21 and 22)."""
    rows = [*ticket_rows(20), row(QUESTION, "Yes."), row(QUESTION, "No.")]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))


def edit(world: World, version: DatasetVersion, number: int, answer: str) -> None:
    question = json.loads(version.path.read_text().splitlines()[number - 1])["messages"][0]["content"]
    url = reverse("row_edit", args=[world.project.pk, version.pk, number])
    typed = {"origin": ["0", "1"], "role": ["user", "assistant"], "text": [question, answer]}
    assert world.client("member").post(url, {"tab": "form", "save": "1", **typed}).status_code == 302


def keep(world: World, version: DatasetVersion, number: int | str) -> None:
    url = reverse("version_groups", args=[world.project.pk, version.pk, "conflicting_answers"])
    assert world.client("member").post(url, {"group": "1", "keep": str(number)}).status_code == 302


def basket(world: World, version: DatasetVersion, **data: str) -> str:
    url = reverse("version_basket", args=[world.project.pk, version.pk])
    client = world.client("member")
    return str((client.post(url, data, follow=True) if data else client.get(url)).content.decode())


def waiting() -> int:
    return Waiting.objects.count()


def test_changes_wait_until_the_version_exists(world: World, version: DatasetVersion) -> None:
    edit(world, version, 1, "Soon.")
    basket(world, version, apply="1")
    assert waiting() == 1
    assert "These changes are being applied" in basket(world, version)
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    assert waiting() == 0


def test_a_run_that_fails_loses_nothing_and_the_changes_can_be_applied_again(
    world: World, version: DatasetVersion
) -> None:
    edit(world, version, 1, "Soon.")
    keep(world, version, 21)
    basket(world, version, apply="1")
    index = version.audits.get().folder / "index.sqlite"
    hidden = index.rename(index.with_name("away"))
    assert run_to_end(Repair.objects.get().run).status == Status.FAILED
    hidden.rename(index)
    html = world.client("member").get(Repair.objects.get().get_absolute_url()).content.decode()
    assert "your 2 changes</a> still wait and" in html
    html = basket(world, version)
    assert "Apply 2 changes" in html
    assert "being applied" not in html
    basket(world, version, apply="1")
    repair = Repair.objects.order_by("-id")[0]
    assert run_to_end(repair.run).status == Status.SUCCEEDED
    assert (Repair.objects.count(), waiting()) == (2, 0)


def test_a_run_that_is_stopped_loses_nothing(world: World, version: DatasetVersion) -> None:
    edit(world, version, 1, "Soon.")
    basket(world, version, apply="1")
    run = Repair.objects.get().run
    world.client("member").post(reverse("run_stop", args=[world.project.pk, run.pk]))
    assert run_to_end(run).status == Status.CANCELLED
    assert waiting() == 1


def test_what_is_changed_while_the_run_works_waits_for_the_next(world: World, version: DatasetVersion) -> None:
    edit(world, version, 1, "Soon.")
    edit(world, version, 2, "Later.")
    basket(world, version, apply="1")
    edit(world, version, 1, "Never.")
    run_to_end(Repair.objects.get().run)
    (left,) = Waiting.objects.all()
    assert left.data["row"]["messages"][1]["content"] == "Never."


def test_what_is_changed_while_the_basket_is_being_applied_waits_for_the_next(
    world: World, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = launching.start_repair

    def and_another_tab(*given: Any) -> Repair:
        edit(world, version, 1, "Never.")
        edit(world, version, 2, "Later.")
        return start(*given)

    edit(world, version, 1, "Soon.")
    monkeypatch.setattr(launching, "start_repair", and_another_tab)
    basket(world, version, apply="1")
    run_to_end(Repair.objects.get().run)
    assert [one.data["row"]["messages"][1]["content"] for one in Waiting.objects.all()] == ["Never.", "Later."]


def test_a_row_that_the_database_cannot_keep_is_said_with_what_was_typed(world: World, version: DatasetVersion) -> None:
    url = reverse("row_edit", args=[world.project.pk, version.pk, 1])
    typed = json.dumps(row("Wh\0en?", "Soon."))
    answer = world.client("member").post(url, {"tab": "json", "json": typed, "save": "1"})
    html = answer.content.decode()
    assert (answer.status_code, waiting()) == (422, 0)
    assert "holds a NUL character" in html
    assert "Wh\\u0000en?" in html


def test_a_number_that_is_none_changes_nothing(world: World, version: DatasetVersion) -> None:
    edit(world, version, 1, "Soon.")
    assert "Row 1, edited" in basket(world, version, remove="²")
    url = reverse("row_edit", args=[world.project.pk, version.pk, 1])
    for button in ("add", "drop"):
        assert world.client("member").post(url, {"tab": "form", button: "²"}).status_code < 500
    assert waiting() == 1


def test_another_repair_of_the_version_leaves_the_basket_alone(world: World, version: DatasetVersion) -> None:
    edit(world, version, 1, "Soon.")
    data = {"drop-chosen": "on", "drop-numbers": "3", "apply": "1"}
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    assert world.client("member").post(url, data).status_code == 302
    assert run_to_end(Repair.objects.get().run).status == Status.SUCCEEDED
    assert waiting() == 1


@pytest.mark.parametrize("choice", ["21", "none"])
def test_an_edit_of_a_row_that_also_goes_is_refused_before_anything_runs(
    world: World, version: DatasetVersion, choice: str
) -> None:
    edit(world, version, 22, "Never on Sundays.")
    keep(world, version, choice)
    html = basket(world, version, apply="1")
    assert "Row 22 is edited, and also taken away" in html
    assert not Repair.objects.exists()
    assert waiting() == 2
    keep(world, version, 22)
    basket(world, version, apply="1")
    repair = Repair.objects.get()
    assert run_to_end(repair.run).status == Status.SUCCEEDED
    repair.refresh_from_db()
    assert repair.child is not None
    last = json.loads(repair.child.path.read_text().splitlines()[-1])
    assert last == row(QUESTION, "Never on Sundays.")
    assert waiting() == 0
