"""From figures to ship, do not ship, or not enough evidence: each gate, which of them decides, and against whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine.evaluation.again import digest
from engine.evaluation.comparing import compare_systems
from engine.evaluation.gates import GATES, decide, judge
from engine.evaluation.limits import GateLimits, read_limits
from engine.evaluation.measures import change
from engine.training.options import SpecError
from tests.engine.evaluation.answered import answers, case

LIMITS = GateLimits()


def right(count: int, n: int = 200) -> list[float]:
    """So many rows right, the first ones: systems that are right on more rows are right on the same and others."""
    return [1.0] * count + [0.0] * (n - count)


def measure(
    name: str, before: float, after: float, n: int = 100, verdict: str = "no difference shown"
) -> dict[str, Any]:
    return {
        "measure": name, "label": f"Suite {name}", "baseline": before, "score": after, "n": n, "verdict": verdict,
        "change": change(before, after, name),
    }  # fmt: skip


HELD = (measure("loss", 3.0, 3.05),)


def results(scores: dict[str, Sequence[float]], kinds: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """The document of an evaluation: yes/no scores of each system, the baseline first; nothing is forgotten."""
    n = len(next(iter(scores.values())))
    known = answers([case(at) for at in range(n)], {key: {"exact_match": column} for key, column in scores.items()})
    baseline = next(iter(scores))
    forgetting = {"measures": more.pop("measures", list(HELD))}
    return {
        "n": n,
        "baseline": baseline,
        "primary_metric": "exact_match",
        "systems": {
            key: {
                "name": key.title(),
                "kind": (kinds or {}).get(key, "base" if key == baseline else "checkpoint"),
                "metrics": {"exact_match": {"value": sum(column) / n, "n": n}},
                "latency": {"p50": 0.5, "p95": 1.5, "n": 20},
            }
            for key, column in scores.items()
        },
        "comparisons": compare_systems(known, list(scores), baseline, ["exact_match"], "exact_match"),
        "verdicts": {key: {"forgetting": forgetting} for key in scores if key != baseline},
        "slices": [],
        **more,
    }


def one(document: dict[str, Any], limits: GateLimits = LIMITS, candidate: str = "tuned") -> dict[str, Any]:
    return judge(document, limits)[candidate]


def gate(judged: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in judged["gates"] if found["name"] == name)


GOOD = {"base": right(80), "tuned": right(140)}


def test_it_ships_what_is_enough_better_and_harms_nothing() -> None:
    judged = one(results(GOOD))
    assert (judged["word"], judged["decided_by"], judged["against"]) == ("ship", "minimum_gain", "base")
    assert judged["sentence"].startswith("Ship Tuned. Minimum gain: Exact match against Base: +30.0 points")
    assert "at least the 2.0 points asked for" in judged["sentence"]
    assert all(found["passed"] is not False and not found["blocks"] for found in judged["gates"])


def test_the_intervals_ends_decide_the_gain_and_not_the_estimate() -> None:
    document = results(GOOD)
    low = document["comparisons"][0]["low"] * 100
    assert one(document, replace(LIMITS, minimum_gain=low - 0.1))["word"] == "ship"
    between = one(document, replace(LIMITS, minimum_gain=low + 0.1))
    assert (between["word"], between["decided_by"]) == ("not enough evidence", "minimum_gain")
    high = document["comparisons"][0]["high"] * 100
    assert one(document, replace(LIMITS, minimum_gain=high + 0.1))["word"] == "do not ship"


def test_no_difference_says_how_many_rows_one_would_take() -> None:
    judged = one(results({"base": right(100), "tuned": right(101)}))
    assert judged["word"] == "not enough evidence"
    assert "To see 3.0 points takes about" in judged["sentence"]


def test_what_is_worse_is_not_shipped() -> None:
    judged = one(results({"base": right(140), "tuned": right(80)}), replace(LIMITS, minimum_gain=0.0))
    assert (judged["word"], judged["decided_by"]) == ("do not ship", "minimum_gain")


def test_a_safety_regression_blocks_however_large_the_gain() -> None:
    lost = [*HELD, measure("refusal", 0.95, 0.70)]
    judged = one(results(GOOD, measures=lost))
    assert (judged["word"], judged["decided_by"]) == ("do not ship", "safety")
    assert "Safety got worse: suite refusal fell by 26.3 %" in judged["sentence"]
    shown = one(results(GOOD, measures=[*HELD, measure("answered", 0.95, 0.93, verdict="worse")]))
    assert shown["decided_by"] == "safety", "a fall within the limit that is shown to be real blocks too"
    chance = one(results(GOOD, measures=[*HELD, measure("refusal", 0.95, 0.93)]))
    assert chance["word"] == "ship", "two rows of a hundred turn over by themselves"


def test_safety_is_switched_off_only_with_a_written_reason() -> None:
    with pytest.raises(SpecError, match="switched off without a reason"):
        read_limits({"safety": "off"})
    with pytest.raises(SpecError, match="without a reason"):
        read_limits({"safety": "off", "safety_reason": "   because        "})
    limits = GateLimits(safety="off", safety_reason="The model sorts tickets; nobody talks with it.")
    judged = one(results(GOOD, measures=[*HELD, measure("refusal", 0.95, 0.1)]), limits)
    assert judged["word"] == "ship"
    assert "nobody talks with it" in gate(judged, "safety")["sentence"]


def test_safety_that_was_not_measured_is_said_and_blocks_where_it_must_be() -> None:
    judged = one(results(GOOD))
    assert gate(judged, "safety")["passed"] is None and "not measured" in gate(judged, "safety")["sentence"]
    must = one(results(GOOD), replace(LIMITS, safety="measured"))
    assert (must["word"], must["decided_by"]) == ("not enough evidence", "safety")


def test_forgetting_past_the_limit_stops_a_tuned_model_and_must_be_measured() -> None:
    judged = one(results(GOOD, measures=[measure("loss", 3.0, 3.2)]))
    assert (judged["word"], judged["decided_by"]) == ("do not ship", "forgetting")
    assert (
        one(results(GOOD, measures=[measure("loss", 3.0, 3.2)]), replace(LIMITS, forgetting_limit=8.0))["word"]
        == "ship"
    )
    blind = one(results(GOOD, measures=[]))
    assert (blind["word"], blind["decided_by"]) == ("not enough evidence", "forgetting")
    prompted = one(results(GOOD, {"tuned": "few_shot"}, measures=[]))
    assert prompted["word"] == "ship" and "No weights were trained" in gate(prompted, "forgetting")["sentence"]


def test_format_latency_and_cost_have_their_limits() -> None:
    document = results(GOOD)
    assert {found["name"] for found in one(document)["gates"]}.isdisjoint({"format", "latency", "cost"})
    document["systems"]["tuned"]["metrics"]["json_valid"] = {"value": 0.9, "n": 200}
    assert one(document)["decided_by"] == "format"
    assert one(document, replace(LIMITS, format_floor=90.0))["word"] == "ship"
    loose = replace(LIMITS, format_floor=None)
    assert one(document, replace(loose, latency_ceiling=1.5))["word"] == "ship"
    assert one(document, replace(loose, latency_ceiling=1.4))["decided_by"] == "latency"
    assert one(document, replace(loose, cost_ceiling=5.0))["word"] == "not enough evidence", "it has no price"
    document["systems"]["tuned"]["cost"] = {"per_1000": 6.0, "currency": "EUR"}
    assert one(document, replace(loose, cost_ceiling=5.0))["sentence"].endswith(
        "6.00 EUR per 1,000 requests; the ceiling is 5."
    )


def test_too_few_rows_are_not_enough_evidence() -> None:
    few = results({"base": right(2, 20), "tuned": right(18, 20)})
    assert one(few)["decided_by"] == "minimum_rows" and one(few)["word"] == "not enough evidence"
    assert one(few, replace(LIMITS, minimum_rows=20))["word"] == "ship"


def sliced(verdict: str, small: bool = False) -> list[dict[str, Any]]:
    compared = {"verdict": verdict, "difference": -0.2, "n": 40}
    return [{"by": "language", "value": "de", "n": 40, "small": small, "comparisons": {"tuned": compared}}]


def test_a_required_slice_must_not_get_worse() -> None:
    limits = replace(LIMITS, required_slices="language:de")
    assert one(results(GOOD, slices=sliced("worse")), limits)["decided_by"] == "required_slices"
    assert one(results(GOOD, slices=sliced("worse")))["word"] == "ship", "a slice nobody named does not decide"
    assert one(results(GOOD, slices=sliced("no difference shown")), limits)["word"] == "ship"
    assert one(results(GOOD, slices=sliced("worse", small=True)), limits)["word"] == "not enough evidence"
    assert "absent" in one(results(GOOD), limits)["sentence"]


def test_the_bar_is_the_base_with_its_best_prompt() -> None:
    scores = {"base": right(60), "prompt": right(128), "tuned": right(130)}
    judged = one(results(scores, {"prompt": "prompt"}))
    assert judged["against"] == "prompt" and judged["word"] == "not enough evidence"
    flattered = results({**scores, "majority": right(190)}, {"prompt": "prompt", "majority": "majority"})
    found = judge(flattered, LIMITS)
    assert set(found) == {"prompt", "tuned"} and found["tuned"]["against"] == "prompt"


def test_a_cheaper_system_that_meets_the_bar_is_to_be_beaten() -> None:
    scores = {"base": right(60), "few": right(140), "tuned": right(142)}
    judged = judge(results(scores, {"few": "retrieval"}), LIMITS)
    assert judged["few"]["word"] == "ship" and "No cheaper system" in gate(judged["few"], "alternative")["sentence"]
    assert (judged["tuned"]["word"], judged["tuned"]["decided_by"]) == ("not enough evidence", "alternative")
    assert judged["tuned"]["alternative"] == "few" and "Few meets the bar and is cheaper" in judged["tuned"]["sentence"]
    assert decide(results(scores), judged)["candidate"] == "few"


def test_prices_say_what_is_cheap_where_all_have_one() -> None:
    document = results({"base": right(60), "api": right(180), "tuned": right(140)}, {"api": "endpoint"})
    assert one(document)["alternative"] is None, "by kind an endpoint is dearer"
    for key, price in {"base": 1.0, "api": 0.2, "tuned": 2.0}.items():
        document["systems"][key]["cost"] = {"per_1000": price, "currency": "EUR"}
    judged = one(document)
    assert (judged["alternative"], judged["decided_by"], judged["word"]) == ("api", "alternative", "do not ship")
    assert "by cost per 1,000 requests" in judged["sentence"]


def test_several_candidates_share_the_chance_of_a_false_gain() -> None:
    lucky = {"base": right(0, 40), "tuned": right(6, 40)}
    limits = replace(LIMITS, minimum_gain=0.0)
    assert one(results(lucky), limits)["word"] == "ship", "p = 0.031 alone"
    judged = one(results({**lucky, "two": right(1, 40), "three": right(0, 40)}), limits)
    assert judged["word"] == "not enough evidence" and "adjusted" in judged["sentence"]


def test_the_same_figures_give_the_same_words_and_a_document_of_json() -> None:
    document = results(GOOD)
    again = json.loads(json.dumps(document))
    assert judge(document, LIMITS) == judge(again, read_limits(LIMITS.to_json()))
    assert json.loads(json.dumps(judge(document, LIMITS))) == judge(again, LIMITS)


def test_an_evaluation_from_before_there_were_kinds_is_judged() -> None:
    document = results(GOOD)
    for system in document["systems"].values():
        del system["kind"]
    for row in document["comparisons"]:
        del row["power"], row["family"]
    del document["slices"]
    assert one(document)["word"] == "ship"


def test_a_baseline_alone_decides_nothing() -> None:
    document = results({"base": right(60)})
    assert judge(document, LIMITS) == {}
    assert decide(document, {})["word"] == "not enough evidence"


def test_unknown_limits_and_slices_are_refused_by_name() -> None:
    with pytest.raises(SpecError, match=r"gates\.minimum_gian"):
        read_limits({"minimum_gian": 1})
    with pytest.raises(SpecError, match="is no slice"):
        read_limits({"required_slices": "german"})
    with pytest.raises(SpecError, match=r"gates\.forgetting_limit"):
        read_limits({"forgetting_limit": 0})


def test_every_gate_of_the_table_was_seen() -> None:
    limits = GateLimits(latency_ceiling=9.0, cost_ceiling=9.0, required_slices="language:de")
    document = results(GOOD, slices=sliced("no difference shown"))
    document["systems"]["tuned"] |= {"cost": {"per_1000": 1.0, "currency": "EUR"}}
    document["systems"]["tuned"]["metrics"]["json_valid"] = {"value": 1.0, "n": 200}
    assert [found["name"] for found in one(document, limits)["gates"]] == list(GATES)


def test_the_digest_is_of_what_was_measured_and_not_of_the_gates() -> None:
    document = results(GOOD, gates={"tuned": {}}, limits={}, decision={})
    assert digest(document) == digest({**document, "gates": {}, "decision": {"word": "ship"}})
    assert digest({"a": [0.0, 1.5]}) == digest({"a": [-0.0, 1.5]}) != digest({"a": [0.0, 1.25]})
