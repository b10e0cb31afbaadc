"""A finding is accepted, or dismissed with a note; dismissed ones do not count, and say who dismissed them."""

from __future__ import annotations

import json
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
    assert repair.operations == [{"op": "drop", "codes": ["empty_answer"], "except": {"empty_answer": [41]}}]
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None and repair.child.operation["dropped"] == {"empty_answer": 1}
    decide(world, version, "empty_answer", decision="dismissed", row="42")
    assert "empty_answer" not in found(version)


def test_repairs_leave_rows_alone_that_are_fine_and_the_page_says_how_many(world: World, tmp_path: Path) -> None:
    rows = [*ticket_rows(40), row("Where?", "Write to jane@example.com, please."), row("Who?", "Zero\u200bwidth.")]
    rows += [row("Mail?", "It is joe@example.com now."), ticket_rows(1)[0]]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    for code, number in (("pii_email", "41"), ("zero_width", "42"), ("exact_duplicate", "1")):
        decide(world, version, code, decision="dismissed", row=number)
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    html = world.client("member").get(url).content.decode()
    assert html.count("row in which a finding was said to be fine is left alone") == 2
    assert "2 rows in which a finding was said to be fine are left alone" in html, "both copies"
    chosen = {f"{op}-chosen": "on" for op in ("dedupe", "redact", "normalise")}
    settings = {"dedupe-codes": "exact_duplicate", "dedupe-keep": "first", "redact-kinds": ["email", "phone"]}
    settings |= {"normalise-unicode": "NFC", "normalise-invisible": "on", "drop-chosen": "on", "drop-numbers": "5"}
    previewed = world.client("member").post(url, {**chosen, **settings, "preview": "1"}).content.decode()
    assert "4 rows in which a finding was said to be fine are left alone" in previewed
    assert world.client("member").post(url, {**chosen, **settings, "apply": "1"}).status_code == 302
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    made = [json.loads(line) for line in repair.child.path.read_text().splitlines()]
    assert made == [*rows[:4], *rows[5:42], row("Mail?", "It is [EMAIL] now."), rows[43]]


def test_the_one_button_leaves_them_alone_too(world: World, version: DatasetVersion) -> None:
    decide(world, version, "exact_duplicate", decision="dismissed", note="asked twice on purpose")
    decide(world, version, "empty_answer", decision="dismissed", row="41")
    assert "1 row goes: 1 that cannot be used. 42 stay" in page(world, version)
    world.client("member").post(reverse("version_repair", args=[world.project.pk, version.pk]))
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    rows = version.path.read_text().splitlines()
    assert repair.child.path.read_text().splitlines() == [*rows[:41], rows[42]]
    assert "There exact duplicates and unusable rows are removed" in page(world, version)


def test_a_row_with_two_findings_counts_once_after_a_dismissal(world: World, tmp_path: Path) -> None:
    both = [row(f"Reach {n}?", f"jane{n}@example.com or +44 20 7946 0{n}58, it is open.") for n in range(4)]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", [*ticket_rows(40), *both, ticket_rows(1)[0]]))
    decide(world, version, "exact_duplicate", decision="dismissed", note="meant")
    audit = launching.audit_of(version)

    def rows() -> int:
        top = decisions.judged(version, audit)["readiness"]["top_repairs"]
        return int(next(one["rows"] for one in top if one["op"]["op"] == "redact"))

    assert rows() == 4
    decide(world, version, "pii_email", decision="dismissed", row="41")
    assert rows() == 4, "the number is still in it"
    decide(world, version, "pii_phone", decision="dismissed", row="41")
    assert rows() == 3


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
