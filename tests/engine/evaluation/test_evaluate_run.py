"""The evaluation job through its own door: files, events, verdict, stop and resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.control import ask
from engine.evaluation import local, progress, running
from engine.evaluation.again import digest, recompute, verdict_main
from engine.evaluation.cli import evaluate_main
from engine.evaluation.forgetting import forgetting
from engine.evaluation.verdict import verdict_of
from engine.events import read

QUESTIONS = ["Where is my parcel?", "I was charged twice.", "Cancel my order.", "The box is broken."] * 3
REFERENCES = ["shipping", "billing", "returns", "returns"] * 3


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "test.jsonl"
    lines = [
        {"messages": [{"role": "user", "content": f"{i}: {q}"}, {"role": "assistant", "content": a}]}
        for i, (q, a) in enumerate(zip(QUESTIONS, REFERENCES, strict=True))
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def spec(rows: Path, tiny_folder: Path, tiny_lora: Path) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "kind": "evaluate",
        "model": {"path": str(tiny_folder), "name": "Tiny"},
        "data": {"rows": str(rows), "system_prompt": "Answer with the department."},
        "task_type": "classification",
        "systems": [
            {"key": "base", "name": "Base", "adapter": None, "model": None},
            {"key": "tuned", "name": "Tuned", "adapter": str(tiny_lora), "model": None},
        ],
        "baseline": "base",
        "metrics": None,
        "generation": {"max_new_tokens": 8, "batch_size": 4, "latency_rows": 3},
        "probes": {"suites": ["general"]},
        "forgetting_limit": 0.05,
        "limit": None,
        "seed": 42,
    }


@pytest.fixture(autouse=True)
def small_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four passages and questions of the real suite: the job's files are tested here, not the suite."""
    from engine.evaluation.probing import Suite, load_suite

    whole = load_suite("general")
    monkeypatch.setattr(running, "load_suite", lambda name: Suite(name, whole.passages[:4], whole.questions[:4]))


def start(run_dir: Path, spec: dict[str, Any]) -> int:
    (run_dir / "spec.json").write_text(json.dumps(spec))
    return evaluate_main([str(run_dir)])


def jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def events_of(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(run_dir / "events.jsonl")[0] if event["kind"] == kind]


def test_it_asks_every_system_every_row_and_compares(run_dir: Path, spec: dict[str, Any]) -> None:
    assert start(run_dir, spec) == 0
    cases, outputs = jsonl(run_dir / "rows.jsonl"), jsonl(run_dir / "outputs.jsonl")
    results = json.loads((run_dir / "results.json").read_text())
    assert [case["line"] for case in cases] == list(range(1, 13))
    assert cases[0]["messages"][0] == {"role": "system", "content": "Answer with the department."}
    assert cases[0]["reference"] == "shipping" and len(cases[0]["row_id"]) == 64
    assert sorted((o["system"], o["row"]) for o in outputs) == [(s, r) for s in ("base", "tuned") for r in range(12)]
    assert all(o["row_id"] == cases[o["row"]]["row_id"] for o in outputs)
    assert results["n"] == 12 and results["primary_metric"] == "accuracy"
    base = results["systems"]["base"]
    assert base["metrics"]["accuracy"]["n"] == 12
    assert 0 <= base["metrics"]["accuracy"]["low"] <= base["metrics"]["accuracy"]["value"]
    assert base["latency"]["n"] == 3 and base["latency"]["batch"]["n"] == 9
    assert base["latency"]["p50"] <= base["latency"]["p99"]
    assert set(base["probes"]) == {"general.loss", "general.accuracy"}
    by_metric = {row["metric"]: row for row in results["comparisons"]}
    assert {"accuracy", "macro_f1", "exact_match", "latency"} == set(by_metric)
    assert by_metric["accuracy"]["test"] == "exact McNemar" and by_metric["latency"]["n"] == 3
    assert by_metric["accuracy"]["primary"] and not by_metric["macro_f1"]["primary"]
    assert all(row["p_adjusted"] >= row["p"] for row in results["comparisons"])
    assert results["verdict"]["word"] in ("better", "worse", "no difference shown")
    assert results["verdict"]["word"] in results["verdict"]["sentence"].lower()
    assert len(results["verdict"]["forgetting"]["measures"]) == 2


def test_its_verdict_is_had_again_from_its_files(
    run_dir: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    start(run_dir, spec)
    stored = json.loads((run_dir / "results.json").read_text())
    capsys.readouterr()
    assert verdict_main([str(run_dir), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["as_stored"] is True
    assert again["decision"] == stored["decision"] and again["gates"] == stored["gates"]
    assert stored["decision"]["word"] == "not enough evidence", "twelve rows show nothing"
    assert stored["systems"]["tuned"]["kind"] == "checkpoint" and "majority" in stored["floor"]
    limits = tmp_path / "gates.json"
    limits.write_text(json.dumps({"forgetting_limit": 0.1, "safety": "measured"}))
    verdict_main([str(run_dir), "--json", "--gates", str(limits)])
    other = json.loads(capsys.readouterr().out)
    assert other["results_sha256"] == again["results_sha256"] and other["limits"] != again["limits"]
    limits.write_text('{"gian": 1}')
    assert verdict_main([str(run_dir), "--json", "--gates", str(limits)]) == 2
    assert "gates.gian" in json.loads(capsys.readouterr().out)["refused"]["found"]
    (run_dir / "outputs.jsonl").write_text("")
    assert verdict_main([str(run_dir)]) == 2
    assert "Answers are missing" in capsys.readouterr().out


def test_it_tells_what_it_does(run_dir: Path, spec: dict[str, Any]) -> None:
    start(run_dir, spec)
    progress = events_of(run_dir, "progress")
    assert progress[-1]["step"] == progress[-1]["total"] == 24
    assert all(event["eta_s"] >= 0 for event in progress)
    probes = events_of(run_dir, "probe")
    assert [(p["system"], p["measure"]) for p in probes] == [
        ("base", "loss"), ("base", "accuracy"), ("tuned", "loss"), ("tuned", "accuracy"),
    ]  # fmt: skip
    assert probes[0]["change"] == 0 and probes[2]["baseline"] == probes[0]["score"]
    assert events_of(run_dir, "done")[0]["sentence"]


def test_it_says_no_difference_of_a_system_against_itself(run_dir: Path, spec: dict[str, Any]) -> None:
    spec["systems"][1]["adapter"] = None
    start(run_dir, spec)
    results = json.loads((run_dir / "results.json").read_text())
    assert results["verdict"]["word"] == "no difference shown"
    assert results["verdict"]["forgetting"]["passed"] is True
    assert all(r["verdict"] == "no difference shown" for r in results["comparisons"] if r["metric"] != "latency")


def test_it_stops_when_asked_and_goes_on_without_asking_twice(
    run_dir: Path, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = local.generate

    def watching(model: Any, tokenizer: Any, prompts: Any, **options: Any) -> Any:
        for batch in real(model, tokenizer, prompts, **options):
            if options.get("max_new_tokens") != 2:  # the warming-up call
                asked.append(len(batch))
            yield batch
            if sum(asked) == 7:
                ask(run_dir, "stop")

    monkeypatch.setattr(local, "generate", watching)
    monkeypatch.setattr(progress, "_LOOK_EVERY_S", 0.0)
    assert start(run_dir, spec) == 3
    first = jsonl(run_dir / "outputs.jsonl")
    assert len(first) == 7 and not (run_dir / "results.json").exists()
    assert events_of(run_dir, "status")[-1]["status"] == "stopped"
    with (run_dir / "outputs.jsonl").open("a") as file:
        file.write('{"row": 11, "half a li')  # as a killed process leaves it
    ask(run_dir, "")
    assert start(run_dir, spec) == 0
    second = jsonl(run_dir / "outputs.jsonl")
    assert second[:7] == first
    assert len(second) == 24 == len({(o["system"], o["row"]) for o in second})
    assert sum(asked) == 24


def test_it_runs_again_from_its_files_alone(
    run_dir: Path, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(run_dir, spec)
    before = (run_dir / "results.json").read_text()
    monkeypatch.setattr(running.Stable, "lend", None)  # any use of a model would raise
    assert start(run_dir, spec) == 0
    assert (run_dir / "results.json").read_text() == before


def test_it_refuses_rows_that_changed_under_a_half_done_evaluation(
    run_dir: Path, spec: dict[str, Any], rows: Path
) -> None:
    start(run_dir, spec)
    rows.write_text(rows.read_text().replace("parcel", "package"))
    assert start(run_dir, spec) == 1
    assert events_of(run_dir, "error")[-1]["reason"] == "Data"


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("task_type", "poetry", "task_type"),
        ("baseline", "nobody", "baseline"),
        ("systems", [], "systems is empty"),
        ("metrics", ["beauty"], "beauty"),
        ("generation", {"batch_size": 0}, "batch_size"),
        ("forgetting_limit", 5, "forgetting_limit"),
        ("model", {}, "path"),
    ],
)
def test_it_refuses_a_spec_with_the_field_and_a_remedy(
    run_dir: Path, spec: dict[str, Any], field: str, value: Any, found: str
) -> None:
    assert start(run_dir, {**spec, field: value}) == 1
    (error,) = events_of(run_dir, "error")
    assert error["reason"] == "Config" and found in error["text"] and error["remedy"]


def test_it_refuses_an_adapter_that_is_not_there(run_dir: Path, spec: dict[str, Any], tmp_path: Path) -> None:
    spec["systems"][1]["adapter"] = str(tmp_path)
    assert start(run_dir, spec) == 1
    assert events_of(run_dir, "error")[0]["reason"] == "Model"


def test_it_draws_a_seeded_sample_under_a_limit(run_dir: Path, spec: dict[str, Any]) -> None:
    spec["limit"], spec["probes"] = 5, {"suites": []}
    start(run_dir, spec)
    lines = [case["line"] for case in jsonl(run_dir / "rows.jsonl")]
    assert len(lines) == 5 and lines == sorted(lines) and lines != [1, 2, 3, 4, 5]
    results = json.loads((run_dir / "results.json").read_text())
    assert "not measured" in results["verdict"]["sentence"]


def probe(measure: str, score: float, items: dict[str, float]) -> dict[str, Any]:
    domains = {"d": {"score": score, "n": len(items)}}
    return {"suite": "general", "measure": measure, "score": score, "n": len(items), "domains": domains, "items": items}


def test_it_calls_forgotten_what_passes_the_limit_and_says_how_sure_it_is() -> None:
    old = [probe("loss", 3.0, {str(i): 3.0 for i in range(20)}), probe("accuracy", 0.5, {"a": 1.0, "b": 0.0})]
    new = [probe("loss", 3.3, {str(i): 3.2 + 0.01 * i for i in range(20)}), probe("accuracy", 0.49, {"a": 1, "b": 0})]
    report = forgetting(old, new, 0.05)
    assert report["passed"] is False and report["worst"]["measure"] == "loss"
    assert [m["beyond_limit"] for m in report["measures"]] == [True, False]
    assert report["measures"][0]["verdict"] == "worse"
    assert forgetting(old, new, 0.2)["passed"] is True
    assert forgetting([], new, 0.05)["passed"] is None
    by_length = forgetting([old[1] | {"normalised": 0.4}], [new[1] | {"normalised": 0.3}], 0.05)["measures"][0]
    assert by_length["normalised"] == {"baseline": 0.4, "score": 0.3} and report["measures"][0]["normalised"] is None


def test_it_says_the_verdict_in_one_sentence() -> None:
    comparison = {
        "metric": "exact_match", "label": "Exact match", "unit": "share", "candidate": "tuned", "verdict": "better",
        "baseline_value": 0.0, "candidate_value": 0.35, "difference": 0.35, "low": 0.21, "high": 0.51, "n": 40,
        "p": 0.00012, "test": "exact McNemar",
    }  # fmt: skip
    loss = probe("loss", 3.1, {str(i): 3.1 for i in range(9)}), probe("loss", 3.2, {str(i): 3.2 for i in range(9)})
    found = verdict_of("Base", "Tuned", comparison, forgetting([loss[0]], [loss[1]], 0.05))
    assert found["sentence"] == (
        "Tuned is better than Base on exact match: 35.0 % against 0.0 % (+35.0 points, 95 % interval +21.0 to +51.0, "
        "n = 40, exact McNemar, p < 0.001). Nothing was forgotten beyond the limit of 5 %: general loss rose by 3.2 %."
    )


def test_own_metrics_and_a_judge_are_part_of_a_run(run_dir: Path, spec: dict[str, Any]) -> None:
    """The judge is a server that prefers the longer answer; its key comes through the environment, and nowhere else."""
    from tests.engine.evaluation.test_judge_pairs import judge_that, longer
    from tests.engine.teachers.openai_server import KEY, serving

    own = {"name": "own_long", "label": "Long", "expression": "size(output) > 3", "direction": "none", "unit": "share"}
    with serving(judge_that(longer)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_ENDPOINT_KEY_JUDGE", KEY)
        judge = {"kind": "endpoint", "base_url": server.url, "model": "m", "per_minute": 60_000, "allow_private": True}
        asked = {"own_metrics": [own], "judge": {**judge, "has_key": True, "rows": 5}, "probes": {"suites": []}}
        assert start(run_dir, spec | asked) == 0
    results = json.loads((run_dir / "results.json").read_text())
    outputs = jsonl(run_dir / "outputs.jsonl")
    texts = {(o["system"], o["row"]): o["text"] for o in outputs}
    for system in ("base", "tuned"):
        told = results["systems"][system]["metrics"]["own_long"]
        assert told["value"] == pytest.approx(sum(len(texts[system, row]) > 3 for row in range(12)) / 12)
    (pair,) = results["judge"]["pairs"]
    assert (pair["a"], pair["b"], pair["n"], pair["position_bias"] or 0.0) == ("base", "tuned", 5, 0.0)
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert KEY not in (run_dir / "results.json").read_text() + (run_dir / "judgements.jsonl").read_text()
    assert digest(recompute(run_dir)) == digest(results), "the verdict can be had again from the files"
    for row, said in pair["decisions"].items():
        one, other = len(texts["base", int(row)]), len(texts["tuned", int(row)])
        assert said == ("tie" if one == other else "a" if one > other else "b")
