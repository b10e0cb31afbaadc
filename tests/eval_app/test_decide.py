"""The verdict on the page: which gate decided, on what it rests, and that a new one stands beside the old."""

from __future__ import annotations

import json

import pytest

from engine.evaluation.limits import GateLimits
from eval_app.models import Evaluation
from eval_app.verdict_models import GateSettings, Verdict, limits_of
from tests.eval_app.judged import TWO, evaluated
from tests.world import World

pytestmark = pytest.mark.django_db

SENT = {**{name: "" if value is None else value for name, value in GateLimits().to_json().items()}}


def page_of(world: World, found: Evaluation, **query: str) -> str:
    return world.client("reader").get(found.get_absolute_url(), query).content.decode()


def test_a_finished_evaluation_has_its_verdict_and_what_it_was_made_from(world: World) -> None:
    found = evaluated(world)
    (kept,) = Verdict.objects.all()
    assert (kept.word, kept.candidate, kept.made_by) == (found.results["decision"]["word"], "tuned", None)
    assert kept.limits == GateLimits().to_json()
    made = kept.made_from
    assert made["rows"]["n"] == 120 and len(made["rows"]["ids_sha256"]) == len(made["results_sha256"]) == 64
    assert made["data"]["sha256"] == found.split.version.sha256 and made["data"]["part"] == "test"
    assert [system["key"] for system in made["systems"]] == ["base", "prompt", "few", "tuned", "worse"]
    assert len(made["systems"][0]["model_sha256"]) == len(made["engine"]) == 64


def test_recording_again_makes_no_second_verdict(world: World) -> None:
    found = evaluated(world)
    found.run.recorder().on_success(found.run)
    assert Verdict.objects.count() == 1


def test_the_page_names_the_gate_that_decided_and_shows_every_gate(world: World) -> None:
    page = page_of(world, evaluated(world))
    gates = Verdict.objects.get().gates
    assert {key: one["against"] for key, one in gates.items()} == {
        "prompt": "base", "few": "base", "tuned": "few", "worse": "few",
    }  # fmt: skip
    assert "Tickets, step 40" in page and "Minimum gain" in page and "Cheapest alternative" in page
    assert "Safety regression" in page and "Passed" in page and "What this verdict was made from" in page
    assert "Exact match against Tiny + 4 examples" in page, "the base with its best prompt is the bar"


def test_the_same_gates_give_the_same_verdict_and_changed_ones_another_beside_it(world: World) -> None:
    found = evaluated(world)
    member = world.client("member")
    url = f"{found.get_absolute_url()}decide/"
    assert "give the verdict that is there" in member.post(url, follow=True).content.decode()
    assert Verdict.objects.count() == 1
    saved = member.post(f"/projects/{world.project.pk}/evaluate/gates/", {**SENT, "minimum_gain": "60"})
    assert saved.status_code == 302
    page = member.post(url, follow=True).content.decode()
    assert "The verdict before it is kept below" in page and "Verdicts before this one" in page
    newest, first = Verdict.objects.all()
    assert newest.word != "ship" and newest.decided_by == "minimum_gain" and newest.made_by == world.member
    assert first.limits["minimum_gain"] == 2.0 and newest.limits["minimum_gain"] == 60.0
    assert first.made_from == newest.made_from


def test_a_safety_regression_blocks_on_the_page(world: World) -> None:
    found = evaluated(world, TWO, safe=False)
    page = page_of(world, found)
    assert Verdict.objects.get().decided_by == "safety"
    assert "Do not ship Tickets, step 40. Safety regression: Safety got worse" in page
    listed = world.client("reader").get(f"/projects/{world.project.pk}/evaluate/").content.decode()
    assert "Do not ship" in listed


def test_an_evaluation_of_before_the_gates_is_shown_and_can_be_decided(world: World) -> None:
    found = evaluated(world, TWO)
    for name in ("gates", "decision", "limits", "slices", "hidden", "floor", "diagnosis", "slices_left_out"):
        del found.results[name]
    for system in found.results["systems"].values():
        del system["kind"], system["flatters"], system["latency"]["p95"]
    for row in found.results["comparisons"]:
        row.pop("power", None)
        del row["family"], row["discordant"], row["spread"]
    found.save(update_fields=["results"])
    Verdict.objects.all().delete()
    page = page_of(world, found)
    assert "Exact match" in page and "from before there were gates" in page
    assert found.results["verdict"]["sentence"] in page.replace("&#x27;", "'")
    world.client("member").post(f"{found.get_absolute_url()}decide/")
    assert Verdict.objects.get().made_by == world.member


def test_several_systems_are_compared_with_whom_one_chooses(world: World) -> None:
    found = evaluated(world)
    page = page_of(world, found)
    assert page.count("against Tiny + baseline prompt</a>") == 1
    assert 'aria-current="true">against Tiny + baseline prompt' in page
    other = page_of(world, found, against="few")
    assert 'aria-current="true">against Tiny + 4 examples' in other
    assert 'aria-current="true">against Tiny + baseline prompt' in page_of(world, found, against="<b>nobody")


def test_slices_are_shown_the_worst_first_and_a_hidden_one_is_warned_of(world: World) -> None:
    found = evaluated(world)
    page = page_of(world, found)
    assert "Hidden by the whole:" in page and "worse on source “phone” (30 rows)" in page
    assert "?slice=source%3Aphone" in page
    assert page.index("source%3Aphone") < page.index("source%3Amail")
    assert "small" in page, "eleven rows with a tag are shown and not judged"


def test_answers_without_a_model_stand_apart(world: World) -> None:
    page = page_of(world, evaluated(world))
    floor = page[page.index('id="floor"') :]
    assert "Always {}" in floor and "A copy of the prompt" in floor
    assert "Always {}" not in page[: page.index('id="floor"')]


def test_no_difference_says_what_the_rows_can_show(world: World) -> None:
    page = page_of(world, evaluated(world))
    assert "no difference shown; to see 3.0 points you need about" in page
    assert "rows can show a difference of about" in page


def test_gates_are_changed_by_members_and_every_change_is_kept(world: World) -> None:
    url = f"/projects/{world.project.pk}/evaluate/gates/"
    member = world.client("member")
    member.post(url, {**SENT, "latency_ceiling": "2.5", "required_slices": "language:de"})
    member.post(url, {**SENT, "latency_ceiling": "2.5", "forgetting_limit": "8"})
    assert limits_of(world.project).forgetting_limit == 8.0 and limits_of(world.project).required_slices is None
    assert GateSettings.objects.count() == 2
    page = member.get(url).content.decode()
    assert "Forgetting limit: 5 % → 8 %" in page and "Latency ceiling, p95: none → 2.5 s" in page
    assert world.member.username in page
    member.post(url, {**SENT, "latency_ceiling": "2.5", "forgetting_limit": "8"})
    assert GateSettings.objects.count() == 2, "saving what is in force is no change"


def test_what_was_typed_stays_and_the_field_says_what_is_wrong(world: World) -> None:
    url = f"/projects/{world.project.pk}/evaluate/gates/"
    member = world.client("member")
    bad = member.post(url, {**SENT, "safety": "off", "required_slices": "<b>de"})
    assert bad.status_code == 400 and "switched off without a reason" in bad.content.decode()
    page = member.post(url, {**SENT, "required_slices": "<b>de", "minimum_gain": "much"}).content.decode()
    assert "Give a number" in page and "&lt;b&gt;de" in page and "<b>de" not in page
    no_slice = member.post(url, {**SENT, "required_slices": "german"}).content.decode()
    assert "Write kind:value" in no_slice
    reason = "Nobody talks with this model; it sorts tickets."
    assert member.post(url, {**SENT, "safety": "off", "safety_reason": reason}).status_code == 302
    assert limits_of(world.project).safety_reason == reason


def test_the_command_gives_the_words_of_the_page(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.evaluation.again import verdict_main

    found = evaluated(world)
    assert verdict_main([str(found.run.directory), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    kept = Verdict.objects.get()
    assert document["as_stored"] and document["decision"]["sentence"] == kept.sentence
    assert document["results_sha256"] == kept.made_from["results_sha256"]


def test_what_stands_behind_a_figure_over_many_rows_is_a_table(world: World) -> None:
    found = evaluated(world, TWO)
    line = {"label": "<b>refund", "n": 7, "said": 8, "precision": 0.5, "recall": 0.75, "f1": 0.6}
    confusion = {"kind": "confusion", "labels": ["<b>refund", "bug"], "per_label": [line],
                 "matrix": [[3, 4, 0], [5, 6, 1]], "worst": []}  # fmt: skip
    metrics = found.results["systems"]["tuned"]["metrics"]
    metrics["exact_match"]["detail"] = confusion
    metrics["json_valid"]["detail"] = {"kind": "slots", "slots": [{"slot": "order", **line}], "more": 0}
    found.results["systems"]["tuned"]["retrieval"] = {
        "k": 3, "recall_at_k": 0.625, "low": 0.5, "high": 0.7, "n": 48, "by": [{"words": "the gold passage", "n": 48}],
        "faithful": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 48},
    }  # fmt: skip
    found.save(update_fields=["results"])
    page = page_of(world, found)
    assert "Rows wanted, columns named" in page and "<strong>3</strong>" in page and "&lt;b&gt;refund" in page
    assert "Fields of Tickets, step 40" in page and "0.750" in page
    assert "62.5" in page and "the gold passage" in page
