"""Systems of every kind in one job: who answers, what is kept, what is asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.control import ask
from engine.evaluation import local, progress
from engine.evaluation.cli import evaluate_main
from engine.events import read
from engine.teachers import KEY_VARIABLE
from tests.engine.teachers.openai_server import KEY, OpenAI, failure, said, serving

TRAINING = [("Where is it?", "shipping"), ("I want my money", "billing"), ("It is broken", "returns")] * 2
ROWS = [("Where is my parcel?", "shipping"), ("I was charged twice.", "billing"), ("Cancel it.", "returns")] * 2
PRICE = {"currency": "EUR", "in": 1000.0, "out": 2000.0}


def as_rows(pairs: list[tuple[str, str]]) -> str:
    turns = [
        {"messages": [{"role": "user", "content": f"{n}: {q}"}, {"role": "assistant", "content": a}]}
        for n, (q, a) in enumerate(pairs)
    ]
    return "".join(json.dumps(row) + "\n" for row in turns)


@pytest.fixture
def spec(tmp_path: Path, tiny_folder: Path) -> dict[str, Any]:
    (tmp_path / "test.jsonl").write_text(as_rows(ROWS))
    (tmp_path / "train.jsonl").write_text(as_rows(TRAINING))
    (tmp_path / "handbook.txt").write_text("A parcel comes by shipping.\n\nWho was charged twice asks billing.")
    return {
        "kind": "evaluate",
        "model": {"path": str(tiny_folder), "name": "Tiny"},
        "data": {"rows": str(tmp_path / "test.jsonl"), "system_prompt": "Answer with the department."},
        "task_type": "classification",
        "systems": [{"key": "base", "name": "Base", "kind": "base"}],
        "baseline": "base",
        "generation": {"max_new_tokens": 6, "batch_size": 4, "latency_rows": 2},
        "training_rows": str(tmp_path / "train.jsonl"),
        "documents": [{"name": "handbook.txt", "path": str(tmp_path / "handbook.txt")}],
        "cache": str(tmp_path / "answers.sqlite3"),
    }


def run(folder: Path, spec: dict[str, Any], expected: int = 0) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(spec))
    assert evaluate_main([str(folder)]) == expected, (folder / "events.jsonl").read_text()
    return json.loads((folder / "results.json").read_text()) if expected == 0 else {}


def outputs(folder: Path, system: str) -> dict[int, dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "outputs.jsonl").read_text().splitlines()]
    return {line["row"]: line for line in lines if line["system"] == system}


def endpoint(server: OpenAI, key: str = "cloud", **more: Any) -> dict[str, Any]:
    asked = {"base_url": server.url, "model": "m", "per_minute": 60_000, "allow_private": True, **more}
    return {"key": key, "name": key.title(), "kind": "endpoint", "endpoint": asked, "price": PRICE}


def test_systems_of_every_kind_answer_the_same_rows(spec: dict[str, Any], tmp_path: Path) -> None:
    spec["systems"] += [
        {"key": "shots", "kind": "few_shot", "options": {"k": 2}},
        {"key": "found", "kind": "retrieval", "options": {"k": 1, "chunk_words": 20, "overlap": 0}},
        {"key": "most", "kind": "majority"},
        {"key": "copy", "kind": "copy_prompt"},
    ]
    with serving(lambda world, body: "billing") as server:
        spec["systems"].append(endpoint(server))
        results = run(tmp_path / "run", spec)
    systems = results["systems"]
    assert {key: one["kind"] for key, one in systems.items()} == {
        "base": "base", "shots": "few_shot", "found": "retrieval", "most": "majority", "copy": "copy_prompt",
        "cloud": "endpoint",
    }  # fmt: skip
    assert {key for key, one in systems.items() if one["flatters"]} == {"most", "copy"}
    assert outputs(tmp_path / "run", "copy")[2]["text"] == "2: Cancel it."
    assert systems["cloud"]["metrics"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert len(outputs(tmp_path / "run", "cloud")) == len(ROWS) == len(server.asked)
    assert all(body["messages"][0]["content"] == "Answer with the department." for body in server.asked)
    found = outputs(tmp_path / "run", "found")
    assert found[0]["retrieved"][0]["document"] == "handbook.txt" and found[2]["retrieved"] == []
    assert systems["found"]["retrieval"]["recall_at_k"] == pytest.approx(2 / 3)
    assert systems["base"]["retrieval"] is None
    # 10 tokens in and 5 out, each thousand requests: 10 × 1,000 and 5 × 2,000 a million.
    assert systems["cloud"]["cost"]["per_1000"] == pytest.approx(20.0) and systems["base"]["cost"] is None
    assert systems["base"]["latency"]["first_token_p50"] <= systems["base"]["latency"]["p50"]
    assert systems["cloud"]["latency"]["n"] == 2


def test_nothing_is_generated_twice(
    spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_lora: Path
) -> None:
    spec["systems"].append({"key": "tuned", "kind": "checkpoint", "adapter": str(tiny_lora)})
    with serving(lambda world, body: "billing") as server:
        spec["systems"].append(endpoint(server))
        first = run(tmp_path / "one", spec)
        monkeypatch.setattr(local, "generate", None)  # any use of it would raise
        monkeypatch.setattr(local.Stable, "lend", None)
        spec["systems"][0]["key"] = spec["baseline"] = "again"
        second = run(tmp_path / "two", spec)
        assert len(server.asked) == len(ROWS)
    assert [first["systems"]["base"]["cached"], second["systems"]["again"]["cached"]] == [0, len(ROWS)]
    for old, new in (("base", "again"), ("tuned", "tuned"), ("cloud", "cloud")):
        ones, others = outputs(tmp_path / "one", old), outputs(tmp_path / "two", new)
        for field in ("text", "scores", "tokens_out", "alone"):
            assert {row: one[field] for row, one in ones.items()} == {row: one[field] for row, one in others.items()}
    assert first["systems"]["tuned"]["latency"]["p50"] == second["systems"]["tuned"]["latency"]["p50"]


def test_an_answer_from_a_batch_is_no_measurement(
    spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec["generation"]["latency_rows"] = 0
    run(tmp_path / "one", spec)
    asked: list[int] = []
    real = local.generate

    def watching(model: Any, tokenizer: Any, prompts: Any, **options: Any) -> Any:
        asked.append(len(prompts))
        return real(model, tokenizer, prompts, **options)

    monkeypatch.setattr(local, "generate", watching)
    spec["generation"]["latency_rows"] = 2
    results = run(tmp_path / "two", spec)
    assert results["systems"]["base"]["latency"]["n"] == 2
    assert asked == [1, 1, 1], "the warming-up call and the two rows that are measured"
    assert results["systems"]["base"]["cached"] == len(ROWS) - 2


def test_rows_that_ask_the_same_are_generated_once(
    spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(spec["data"]["rows"]).write_text(as_rows([("same", "x")]) * 5)
    spec["generation"]["latency_rows"] = 0
    sizes: list[int] = []
    real = local.generate
    monkeypatch.setattr(
        local, "generate", lambda m, t, prompts, **o: sizes.append(len(prompts)) or real(m, t, prompts, **o)
    )
    run(tmp_path / "run", spec)
    found = outputs(tmp_path / "run", "base")
    assert sizes == [1] and len(found) == 5 and len({one["text"] for one in found.values()}) == 1


def test_a_request_that_fails_costs_one_row(spec: dict[str, Any], tmp_path: Path) -> None:
    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        text = body["messages"][-1]["content"]
        return failure(400, "content filter") if text.startswith("4:") else said("billing")

    spec["systems"][0] = {"key": "most", "kind": "majority"}
    spec["baseline"] = "cloud"
    del spec["model"]
    with serving(script) as server:
        spec["systems"].append(endpoint(server))
        results = run(tmp_path / "run", spec)
    failed = outputs(tmp_path / "run", "cloud")[4]
    assert "content filter" in failed["problem"] and failed["text"] == "" and failed["scores"]["accuracy"] == 0
    assert results["systems"]["cloud"]["failed"] == 1
    assert results["systems"]["cloud"]["metrics"]["accuracy"]["n"] == len(ROWS)


def test_a_refused_key_ends_it_and_the_next_start_goes_on(
    spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two endpoints, each with a key of its own."""
    good: list[bool] = []

    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        return said("billing") if good or len(world.asked) <= 3 else failure(401, "who are you")

    spec["systems"] = []
    with serving(script) as one, serving(lambda world, body: "returns") as two:
        spec["systems"] = [
            endpoint(one, "one", has_key=True, key_of="7"),
            endpoint(two, "two", has_key=True, key_of="8"),
        ]
        spec["baseline"] = "one"
        del spec["model"]
        for attempt in (1, 0):
            monkeypatch.setenv(f"{KEY_VARIABLE}_7", f"{KEY}7")
            monkeypatch.setenv(f"{KEY_VARIABLE}_8", f"{KEY}8")
            run(tmp_path / "run", spec, attempt)
            good.append(True)
        assert set(one.keys) == {f"Bearer {KEY}7"} and set(two.keys) == {f"Bearer {KEY}8"}
        answered = [body["messages"][-1]["content"] for body in one.asked]
    errors = [event for event in read(tmp_path / "run" / "events.jsonl")[0] if event["kind"] == "error"]
    assert errors[0]["reason"] == "Endpoint" and KEY not in (tmp_path / "run" / "events.jsonl").read_text()
    assert len(outputs(tmp_path / "run", "one")) == len(ROWS)
    assert sum(answered.count(text) == 1 for text in set(answered)) >= 3, "what was answered is not asked again"


def test_it_stops_between_two_requests(spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOOK_EVERY_S", 0.0)

    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        if len(world.asked) == 3:
            ask(tmp_path / "run", "stop")
        return said("billing")

    spec["baseline"] = "cloud"
    with serving(script) as server:
        spec["systems"] = [{**endpoint(server), "options": {"at_once": 1}}]
        run(tmp_path / "run", spec, 3)
        assert len(server.asked) < len(ROWS)
        ask(tmp_path / "run", "")
        assert run(tmp_path / "run", spec)["n"] == len(ROWS)
        # A request under way when the stop came may be sent again; no other is.
        assert len(server.asked) <= len(ROWS) + 1


def test_time_on_this_machine_has_a_price(spec: dict[str, Any], tmp_path: Path) -> None:
    spec["systems"][0]["price"] = {"currency": "EUR", "per_hour": 3600.0}
    results = run(tmp_path / "run", spec)
    batched = [one for one in outputs(tmp_path / "run", "base").values() if not one["alone"]]
    cost = results["systems"]["base"]["cost"]
    assert cost["per_1000"] == pytest.approx(1000 * sum(one["cost"] for one in batched) / len(batched))
    # A euro a second, and four rows share each batch.
    assert 0 < batched[0]["cost"] < batched[0]["latency_s"]
