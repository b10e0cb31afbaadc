"""Going back moves a pointer, is written down, and deletes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse

from datasets_app import current, launching
from datasets_app.models import DatasetVersion
from datasets_app.review_models import CurrentChange
from tests.datasets_app.cast import audited, page
from tests.world import World, run_to_end, ticket_rows, write_jsonl
from training_jobs.launching import fresh


@pytest.fixture
def line(world: World, tmp_path: Path) -> tuple[DatasetVersion, DatasetVersion]:
    """Two versions: 101 rows, and the same without a copy."""
    rows = [*ticket_rows(100), ticket_rows(1)[0]]
    first = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    return first, repaired(world, first, [{"op": "dedupe"}])


def repaired(world: World, version: DatasetVersion, operations: list[dict[str, object]]) -> DatasetVersion:
    repair = launching.start_repair(version, operations, world.member)
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    assert repair.child.audit is not None
    run_to_end(repair.child.audit.run)
    return repair.child


def go_back(world: World, version: DatasetVersion, role: str = "member") -> int:
    url = reverse("version_current", args=[world.project.pk, version.pk])
    return int(world.client(role).post(url).status_code)


def test_it_shows_the_line_of_versions_with_the_operations(
    world: World, line: tuple[DatasetVersion, DatasetVersion]
) -> None:
    html = page(world, line[0])
    assert "1 row removed from v1: exact duplicates 1" in html
    assert "Uploaded as rows.jsonl" in html
    assert "Make this the current version" in html
    assert "Go back to v1" in page(world, line[1])
    assert "Go back to v1" not in page(world, line[1], role="reader")


def test_it_makes_the_earlier_version_current_and_writes_down_who(
    world: World, line: tuple[DatasetVersion, DatasetVersion]
) -> None:
    first, second = line
    assert current.current_of(first.dataset) == second
    assert go_back(world, first) == 302
    first.dataset.refresh_from_db()
    assert current.current_of(first.dataset) == first
    assert [(one.version, one.by) for one in CurrentChange.objects.all()] == [(first, world.member)]
    go_back(world, first)
    assert CurrentChange.objects.count() == 1, "nothing moved the second time"
    assert second.path.is_file()
    html = world.client("reader").get(reverse("data", args=[world.project.pk])).content.decode()
    assert html.index("rows v1</a>") < html.index("Current</span>") < html.index("rows v2</a>")


def test_a_version_made_from_the_current_one_is_current_then(
    world: World, line: tuple[DatasetVersion, DatasetVersion]
) -> None:
    first, _ = line
    go_back(world, first)
    third = repaired(world, first, [{"op": "drop", "codes": [], "numbers": [2]}])
    first.dataset.refresh_from_db()
    assert current.current_of(first.dataset) == third


def test_training_suggests_a_split_of_the_current_version(
    world: World, line: tuple[DatasetVersion, DatasetVersion]
) -> None:
    splits = []
    for version in line:
        split = launching.start_split(version, {"train": 0.6, "validation": 0.2, "test": 0.2}, 7, world.member)
        run_to_end(split.run)
        splits.append(split)
    assert fresh(world.project).basis.split == splits[1]
    go_back(world, line[0])
    assert fresh(world.project).basis.split == splits[0]
    assert fresh(world.project, split_id=splits[1].pk).basis.split == splits[1]


def test_it_needs_a_member(world: World, line: tuple[DatasetVersion, DatasetVersion]) -> None:
    assert go_back(world, line[0], role="reader") == 403
    assert go_back(world, line[0], role="stranger") == 404
    assert not CurrentChange.objects.exists()
