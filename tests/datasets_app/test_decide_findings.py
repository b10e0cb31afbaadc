"""A finding is accepted, or dismissed with a note; dismissed ones do not count, and say who dismissed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app import decisions, launching
from datasets_app.models import DatasetVersion, Repair
from datasets_app.review_models import FindingDecision
from tests.datasets_app.cast import audited, page
from tests.world import World, run_to_end, ticket_rows, write_jsonl


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """40 sound rows, two empty answers, a copy of the first row."""
    rows = [*ticket_rows(40), row("Hello?", ""), row("Anybody?", ""), ticket_rows(1)[0]]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))


def decide(world: World, version: DatasetVersion, code: str, role: str = "member", **data: Any) -> Any:
    url = reverse("version_finding", args=[world.project.pk, version.pk, code])
    return world.client(role).post(url, data, follow=True)


def ledger(world: World, version: DatasetVersion, role: str = "reader") -> str:
    """The list of findings on the version's page."""
    return str(world.client(role).get(version.get_absolute_url() + "?tab=findings").content.decode())


def found(version: DatasetVersion) -> dict[str, dict[str, Any]]:
    audit = launching.audit_of(version)
    return {one["code"]: one for one in decisions.judged(version, audit)["findings"]}


def test_a_dismissed_finding_no_longer_counts_and_says_who_and_why(world: World, version: DatasetVersion) -> None:
    assert "exact duplicate" in page(world, version)
    decide(world, version, "exact_duplicate", decision="dismissed", note="asked twice on purpose")
    html = page(world, version, role="reader")
    start = html.index('aria-label="Readiness"')
    sentence = html[start : html.index("</section>", start)]
    assert "duplicate" not in sentence
    assert "1 finding dismissed" in sentence
    assert "asked twice on purpose" in ledger(world, version)
    assert "exact_duplicate" not in found(version)
    whole = decisions.judged(version, launching.audit_of(version))
    assert [one["code"] for one in whole["dismissed"]] == ["exact_duplicate"]
    assert whole["readiness"]["repairs"][0]["code"] == "empty_answer"


def test_it_asks_why_before_it_dismisses(world: World, version: DatasetVersion) -> None:
    answer = decide(world, version, "exact_duplicate", decision="dismissed", note="  ")
    assert b"needs a note" in answer.content
    assert not FindingDecision.objects.exists()


def test_a_version_is_ready_when_all_that_stood_in_the_way_is_fine(world: World, version: DatasetVersion) -> None:
    assert "Usable with repairs" in page(world, version)
    for code in [code for code, one in found(version).items() if one["severity"] != "notice"]:
        decide(world, version, code, decision="dismissed", note="meant")
    html = page(world, version)
    assert "Usable with repairs" not in html, "neither on the page nor in the strip above it"
    assert "Ready" in html
    data = world.client("reader").get(reverse("data", args=[world.project.pk])).content.decode()
    assert 'data-state="Ready"' in data


def test_an_accepted_finding_still_counts(world: World, version: DatasetVersion) -> None:
    decide(world, version, "empty_answer", decision="accepted", note="to be dropped")
    assert found(version)["empty_answer"]["count"] == 2
    assert "to be dropped" in ledger(world, version)


def test_it_is_taken_back(world: World, version: DatasetVersion) -> None:
    decide(world, version, "exact_duplicate", decision="dismissed", note="fine")
    decide(world, version, "exact_duplicate", decision="")
    assert found(version)["exact_duplicate"]["surplus"] == 1


def test_one_row_can_be_fine_while_the_others_are_not(world: World, version: DatasetVersion) -> None:
    decide(world, version, "empty_answer", decision="dismissed", row="41")
    left = found(version)["empty_answer"]
    assert (left["count"], left["rows_dismissed"]) == (1, 1)
    # What is fine stays when the rest of the finding is removed.
    world.client("member").post(
        reverse("version_repair", args=[world.project.pk, version.pk]), {"finding": "empty_answer"}
    )
    repair = Repair.objects.get()
    assert repair.operations == [{"op": "drop", "codes": [], "numbers": [42]}]
    decide(world, version, "empty_answer", decision="dismissed", row="42")
    assert "empty_answer" not in found(version)


def test_it_holds_in_versions_made_from_it_and_says_so(world: World, version: DatasetVersion) -> None:
    decide(world, version, "exact_duplicate", decision="dismissed", note="on purpose")
    repair = launching.start_repair(version, [{"op": "drop", "codes": ["empty_answer"]}], world.member)
    run_to_end(repair.run)
    repair.refresh_from_db()
    child = repair.child
    assert child is not None
    assert child.audit is not None
    run_to_end(child.audit.run)
    assert "exact_duplicate" not in found(child)
    assert "decided on v1 and carried over" in ledger(world, child)
    # Another decision there does not reach back.
    decide(world, child, "exact_duplicate", decision="accepted")
    assert "exact_duplicate" in found(child)
    assert "exact_duplicate" not in found(version)


def test_it_needs_a_member_and_a_finding_that_is_there(world: World, version: DatasetVersion) -> None:
    assert decide(world, version, "exact_duplicate", role="reader", decision="accepted").status_code == 403
    assert decide(world, version, "exact_duplicate", role="stranger", decision="accepted").status_code == 404
    assert decide(world, version, "no_such_code", decision="accepted").status_code == 404
    assert decide(world, version, "exact_duplicate", decision="perhaps").status_code == 400
    assert not FindingDecision.objects.exists()
