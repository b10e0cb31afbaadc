"""A teacher drafts rows: what is asked, what becomes of its answers, and how a stopped job goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.control import ask
from engine.data.errors import DataError
from engine.drafting.instructions import DEFAULT, fill, messages_for
from engine.drafting.job import draft
from engine.drafting.seeds import choose, essential, personal, redacted
from engine.job import STOPPED, SUCCEEDED, run_job
from engine.teachers import KEY_VARIABLE
from tests.engine.data.rows import audit_rows, chat, many, qa
from tests.engine.teachers.openai_server import KEY, OpenAI, Script, failure, said, serving
from tests.home import ROOT

CITIES = ("Lima", "Oslo", "Quito", "Riga", "Bern", "Cairo", "Dakar", "Hanoi", "Kyiv", "Minsk", "Seoul", "Tunis")


def fresh(number: int) -> dict[str, Any]:
    """Rows no two of which are alike: the place of each word is another."""
    city = CITIES[number % 12]
    words = f"{city}{number} {number} ways lead through {city}{number + 7} gate{number} tower{number}"
    return qa(f"How do I reach {words}?", f"Take {words} and ask{number} again{number} at{number} noon{number}.")


def lines(*rows: Any) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def prepare(folder: Path, rows: list[Any], **spec: Any) -> Path:
    """A run directory with its spec over an audited file of ``rows``."""
    audit_rows(folder, rows)
    run = folder / "run"
    run.mkdir()
    whole = {
        "kind": "draft", "file": str(folder / "rows.jsonl"), "audit": str(folder / "audit"),
        "seeds": {"sample": 8, "seed": 3}, "mode": "more", "count": 6, "per_request": 2, **spec,
    }  # fmt: skip
    (run / "spec.json").write_text(json.dumps(whole))
    return run


def endpoint(server: OpenAI, **more: Any) -> dict[str, Any]:
    return {
        "kind": "endpoint", "name": "test", "base_url": server.url, "model": "m", "per_minute": 60_000,
        "allow_private": True, **more,
    }  # fmt: skip


def drafted(folder: Path, script: Script, rows: list[Any] | None = None, **spec: Any) -> tuple[int, Path, OpenAI]:
    with serving(script) as server:
        run = prepare(folder, rows or many(30), teacher=endpoint(server), **spec)
        return run_job(run, draft), run, server


def candidates(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "candidates.jsonl").read_text().splitlines()]


def result(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


def pairs(world: OpenAI, body: dict[str, Any]) -> Any:
    """Two new rows an answer."""
    number = len(world.asked) * 2
    return said(lines(fresh(number), fresh(number + 1)), tokens_in=100, tokens_out=40)


def test_it_drafts_as_many_rows_as_were_asked_for_and_marks_them(tmp_path: Path) -> None:
    code, run, server = drafted(tmp_path, pairs, price_in=2.0, price_out=10.0)
    assert code == SUCCEEDED
    found = candidates(run)
    assert [line["n"] for line in found] == [1, 2, 3, 4, 5, 6]
    assert all(line["row"]["source"] == "synthetic" and not line["flags"] for line in found)
    assert result(run) == {
        "schema_version": 1, "asked_for": 6, "usable": 6, "flagged": 0, "unusable": 0, "requests": 3,
        "tokens_in": 300, "tokens_out": 120, "cost": 0.0018, "seeds": 8,
    }  # fmt: skip
    assert len(server.asked) == 3


def test_it_shows_the_teacher_rows_of_the_version_and_nothing_else(tmp_path: Path) -> None:
    rows = [{**row, "id": f"secret-id-{number}"} for number, row in enumerate(many(30))]
    _, _run, server = drafted(tmp_path, pairs, rows=rows)
    (message,) = server.asked[0]["messages"]
    shown = [json.loads(line) for line in message["content"].splitlines() if line.startswith("{")]
    assert len(shown) == 4
    known = [{name: row[name] for name in ("prompt", "completion")} for row in rows]
    assert all(row in known for row in shown)
    assert "secret-id" not in json.dumps(server.asked)
    assert "2 new rows" in message["content"]


def test_it_keeps_what_cannot_be_used_with_the_reason(tmp_path: Path) -> None:
    answers = [
        "I would rather not.",
        '{"prompt": "half a row',
        lines({"question": "Where?"}),
        lines(qa("Where is it now?", "")),
        lines(chat(("user", "Where?"), ("assistant", "Here."))),
        '{"prompt": "a \\ud800 b", "completion": "c"}',
        '{"prompt": NaN, "completion": "c"}',
        (200, {}, b"no JSON"),
    ]

    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        place = len(world.asked) - 1
        return answers[place] if place < len(answers) else pairs(world, body)

    code, run, _ = drafted(tmp_path, script, count=20)
    assert code == SUCCEEDED
    problems = " ".join(line["problem"] for line in candidates(run) if line["row"] is None)
    assert problems.count("The JSON is broken or was cut off.") == 2
    for part in (
        "no JSON object",
        "'completion' of the seed",
        "'completion' is empty",
        "no JSON file can",
        "OpenAI API",
    ):
        assert part in problems
    assert result(run)["usable"] == 20
    assert result(run)["unusable"] == len(answers)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: "Here you are:\n```json\n" + text + "\n```",
        lambda text: "[" + text.replace("\n", ",\n") + "]",
        lambda text: '{"rows": [' + text.replace("\n", ",") + "]}",
        lambda text: '<think>first {"prompt": 1} then</think>' + text,
        lambda text: json.dumps([json.loads(line) for line in text.splitlines()], indent=2),
    ],
)
def test_it_reads_rows_however_they_are_wrapped(tmp_path: Path, wrap: Any) -> None:
    code, run, _ = drafted(tmp_path, lambda world, body: wrap(lines(fresh(1), fresh(2))), count=2)
    assert code == SUCCEEDED
    assert [line["row"]["prompt"] for line in candidates(run)] == [fresh(1)["prompt"], fresh(2)["prompt"]]


def test_it_flags_what_is_doubtful(tmp_path: Path) -> None:
    seeds = many(30)
    near = {**seeds[4], "prompt": seeds[4]["prompt"], "completion": seeds[4]["completion"] + " Really."}
    made = [
        (seeds[4], "duplicate"),
        (fresh(1), ""),
        (fresh(1), "duplicate"),
        (near, "near_duplicate"),
        (qa("Who wrote this letter to us?", "Write to jane.doe@example.com about it."), "pii_email"),
        (qa("Which key do I use for the shop?", "AKIAIOSFODNN7EXAMPLQ it is."), "secret"),
        (qa("Can you help me with this form?", "I'm sorry, but I can't assist with that."), "refusal_boilerplate"),
        (qa("What do you say to that story?", "no no no no no no no no no no no no"), "repetition_loop"),
        (qa("Dear sir, what is this about?", "Dear [your name], it is about <|im_end|> trees."), "template_in_content"),
        (qa("Echo this very line for me", "Echo this very line for me"), "prompt_equals_answer"),
    ]

    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        return lines(*(row for row, _ in made)) if len(world.asked) == 1 else "stop"

    spec = {"seeds": {"numbers": list(range(1, 31))}, "count": len(made), "per_request": 10}
    code, run, _ = drafted(tmp_path, script, rows=seeds, **spec)
    assert code == SUCCEEDED
    found = candidates(run)[: len(made)]
    for line, (row, code_wanted) in zip(found, made, strict=True):
        assert code_wanted in [flag["code"] for flag in line["flags"]] or not (code_wanted or line["flags"]), (
            row,
            line,
        )
    assert "jane.doe" not in json.dumps([line["flags"] for line in found])
    assert "seed row 5" in found[0]["flags"][0]["note"]
    assert "draft 2" in found[2]["flags"][0]["note"]


def test_it_answers_the_prompts_of_the_seeds_in_their_own_shape(tmp_path: Path) -> None:
    rows = [
        chat(("system", "Be brief."), ("user", f"Say {number} in words."), ("assistant", f"word {number}"), note="x")
        for number in range(10)
    ]

    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        return f"<think>hm</think>{body['messages'][-1]['content']} Gladly."

    code, run, server = drafted(tmp_path, script, rows=rows, mode="answer", count=50, seeds={"sample": 5, "seed": 1})
    assert code == SUCCEEDED
    found = candidates(run)
    assert len(found) == len(server.asked) == 5
    for line in found:
        system, user, assistant = line["row"]["messages"]
        assert system == {"role": "system", "content": "Be brief."}
        assert assistant == {"role": "assistant", "content": f"{user['content']} Gladly."}
        assert line["row"]["source"] == "synthetic"
        assert not line["flags"]
    assert [turn["role"] for turn in server.asked[0]["messages"]] == ["system", "user"]


def test_it_says_when_the_teacher_answers_what_the_row_says_already(tmp_path: Path) -> None:
    rows = many(12)
    known = {row["prompt"]: row["completion"] for row in rows}
    _, run, _ = drafted(
        tmp_path, lambda world, body: known[body["messages"][-1]["content"]].upper(), rows=rows, mode="answer"
    )
    assert {flag["code"] for line in candidates(run) for flag in line["flags"]} == {"same_answer"}


def test_it_replaces_personal_data_before_anything_is_sent(tmp_path: Path) -> None:
    rows = [
        qa(f"Mail of person {n} in town {n * 7}?", f"It is anna{n}@example.com, call +49 30 901820{n:02}.")
        for n in range(12)
    ]
    _, _run, server = drafted(tmp_path, pairs, rows=rows, redact=True)
    sent = json.dumps(server.asked)
    assert "[EMAIL]" in sent
    assert "@example.com" not in sent
    assert "901820" not in sent


def test_it_counts_the_personal_data_that_would_leave(tmp_path: Path) -> None:
    rows = [qa(f"Mail of person {n} in town {n * 7}?", f"It is anna{n}@example.com.") for n in range(12)]
    audit_rows(tmp_path, rows)
    seeds = choose(tmp_path / "rows.jsonl", tmp_path / "audit", {"sample": 5, "seed": 1})
    assert personal(seeds) == {"email": 5}
    assert personal([redacted(seed) for seed in seeds]) == {}


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        if len(world.asked) == 10:
            ask(world.folder, "stop")
        time.sleep(0.15)
        return pairs(world, body)

    with serving(script) as server:
        run = prepare(tmp_path, many(30), teacher=endpoint(server), count=120)
        server.folder = run
        assert run_job(run, draft) == STOPPED
        before = candidates(run)
        assert 0 < len(before) < 120
        with (run / "candidates.jsonl").open("ab") as file:
            file.write(b'{"n": 99, "half a li')
        ask(run, "")
        sent = len(server.asked)
        assert run_job(run, draft) == SUCCEEDED
    after = candidates(run)
    assert after[: len(before)] == before
    assert [line["n"] for line in after] == list(range(1, 121))
    assert len({line["request"] for line in after}) == 60
    assert len(server.asked) - sent <= 60 - len(before) // 2
    assert result(run)["tokens_out"] == 60 * 40


def test_it_fails_with_words_when_the_endpoint_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        return failure(401, f"bad key {KEY}") if len(world.asked) > 6 else pairs(world, body)

    code, run, _ = drafted(tmp_path, script, count=100)
    assert code == 1
    assert len(candidates(run)) == 12
    events = (run / "events.jsonl").read_text()
    assert '"reason": "Endpoint"' in events
    assert "refuses the key (401)" in events


def test_it_does_not_ask_a_useless_teacher_for_ever(tmp_path: Path) -> None:
    code, run, server = drafted(tmp_path, lambda world, body: "No.", count=10, per_request=2)
    assert code == SUCCEEDED
    assert (result(run)["usable"], result(run)["unusable"]) == (0, 12)
    assert len(server.asked) == 12


def test_it_drafts_with_a_model_of_this_machine_through_the_real_command(tmp_path: Path, tiny_model: Path) -> None:
    run = prepare(
        tmp_path, many(12), mode="answer", count=3, seeds={"sample": 3, "seed": 1},
        teacher={"kind": "model", "path": str(tiny_model), "max_tokens": 8},
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "engine", "draft", str(run)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == SUCCEEDED, done.stdout + done.stderr
    found = candidates(run)
    assert len(found) == 3
    for line in found:
        if line["row"] is not None:
            assert "cut_off" in [flag["code"] for flag in line["flags"]]
            assert line["row"]["prompt"] in {row["prompt"] for row in many(12)}
    assert result(run)["tokens_out"] == 24


def test_it_leaves_no_trace_of_the_key(tmp_path: Path) -> None:
    with serving(lambda world, body: failure(401, f"bad key {KEY}")) as server:
        run = prepare(tmp_path, many(30), teacher=endpoint(server, has_key=True))
        done = subprocess.run(
            [sys.executable, "-m", "engine", "draft", str(run)], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, KEY_VARIABLE: KEY},
        )  # fmt: skip
        assert done.returncode == 1
        assert server.keys[0] == f"Bearer {KEY}"
    assert KEY not in done.stdout + done.stderr
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert kept == []


def test_it_puts_a_persons_words_in_literally(tmp_path: Path) -> None:
    rows = [qa(f"Is {{count}} or {{{{ 7*7 }}}} meant, case {n} of {n * 3}?", "Yes {rows}.") for n in range(6)]
    audit_rows(tmp_path, rows)
    seeds = choose(tmp_path / "rows.jsonl", tmp_path / "audit", {"numbers": [2]})
    text = fill("Write {count}: {rows} {% now %} {0} {seeds.__class__}", seeds, 3)
    assert text == "Write 3: " + json.dumps(rows[1], separators=(",", ":")) + " {% now %} {0} {seeds.__class__}"
    assert fill("Only words.", seeds, 3).startswith("Only words.\n\n{")
    (message,), _ = messages_for("more", seeds, "", request=0, count=3, seed=1)
    assert message["content"] == fill(DEFAULT, seeds, 3)


def test_it_drops_columns_that_say_nothing_to_a_teacher() -> None:
    assert essential({"id": 7, "prompt": "a?", "completion": "b", "source": "web"}, "prompt_completion") == qa(
        "a?", "b"
    )


def test_it_refuses_seeds_that_are_no_rows(tmp_path: Path) -> None:
    audit_rows(tmp_path, [*many(5), "not a row"])
    with pytest.raises(DataError, match="None of the chosen rows"):
        choose(tmp_path / "rows.jsonl", tmp_path / "audit", {"numbers": [6, 77]})
