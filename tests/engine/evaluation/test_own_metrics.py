"""A project's own metrics: what expressions give, what is wrong where, and that nothing hostile hangs anything."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.evaluation.bounded import WORK, WorkProblem, shared
from engine.evaluation.metrics import METRICS, Catalogue, Outcome
from engine.evaluation.own_metrics import OwnMetric, OwnScorer, check_expression, own_of, own_table, read_own
from engine.evaluation.results import summarise

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


def metric(expression: str, unit: str = "score") -> OwnMetric:
    return OwnMetric("own_x", "X", expression, "higher", unit)  # type: ignore[arg-type]


def value(expression: str, output: str = "Hello you", reference: str = '{"kind": "bug"}', unit: str = "score") -> float:
    return metric(expression, unit).value("What is it?", reference, output)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", 1),
        ("size(words(output)) <= 2", 1),
        ("size(output)", 9),
        ('size("日本é")', 3),
        ('output.matches("^Hell")', 1),
        ("output.startsWith(prompt)", 0),
        ("json(reference).kind == 'bug'", 1),
        ("is_json(output) && json(output).kind == 'bug'", 0),
        ("has(json(reference).reason) ? 1.0 : 0.25", 0.25),
        ("similarity('abcd', 'abxd')", 0.75),
        ("double(size(output)) / double(size(prompt))", 9 / 11),
        ("count(output, 'l') + size(lines('a\\nb'))", 4),
        ("lower(upper(trim('  a '))) == 'a'", 1),
        ("plain('“Paris.”') == 'paris'", 1),
        ("words(output).exists(word, word == 'you')", 1),
        ("[1, 2, 3].filter(n, n > 1).size()", 2),
    ],
)
def test_an_expression_gives_a_number(expression: str, expected: float) -> None:
    assert value(expression) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expression", "where", "words"),
    [
        ("1 +", (1, 3), "cannot be read"),
        ("true &&\n  )", (2, None), "cannot be read"),
        ("nothing > 1", (1, 1), "nothing"),
        ("1 / 0", (1, 1), "zero"),
        ("double(output)", (1, 1), "Hello"),
        ("output", (None, None), "gives text"),
        ("[1]", (None, None), "gives a list"),
        ("1.0 / 0.0", (None, None), "no finite number"),
        ("json(output).a", (None, None), "no JSON"),
        ("", (1, 1), "empty"),
        ("1" * 3000, (None, None), "2000"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    expression: str, where: tuple[int | None, int | None], words: str
) -> None:
    with pytest.raises(WorkProblem) as caught:
        value(expression)
    assert words in caught.value.text
    assert "Type(" not in caught.value.text
    assert caught.value.line == where[0]
    assert where[1] is None or caught.value.column == where[1]
    assert not caught.value.bound


def test_a_share_stays_between_nothing_and_all() -> None:
    with pytest.raises(WorkProblem, match="between 0 and 1"):
        value("size(output)", unit="share")
    assert value("0.5", unit="share") == 0.5


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 990 + "1" + ")" * 990,
        "-" * 1900 + "1",
        "[" * 900 + "]" * 900,
        "true ? " * 280 + "1",
        "[1,1,1,1,1,1].map(a," * 8 + "1" + ")" * 8,
        "[output]" + ".map(a, a + a)" * 60 + "[0].size()",
        "[[output, output]]" + ".map(a, a + a)" * 40 + ".size()",
        "'" + "a" * 1900 + "'.matches(output)",
        "output.matches('(a*)*(b*)*$')",
        "output.matches('(x{900}){900}')",
        "__import__('os').system('true')",
        "output.__class__",
    ],
)
def test_nothing_hostile_hangs_or_escapes(expression: str) -> None:
    started = time.process_time()
    try:
        value(expression, output="a" * 50_000 + "!")
    except WorkProblem as problem:
        assert problem.text
    assert time.process_time() - started < 1, "the work is the child's"
    assert value("true") == 1, "the next question is answered"


def test_an_expression_that_runs_out_of_time_is_asked_three_times_and_counted_each() -> None:
    scorer = OwnScorer(metric("[1,1,1,1,1,1].map(a," * 8 + "1" + ")" * 8))
    problems = []
    for _ in range(6):
        with pytest.raises(WorkProblem) as caught:
            scorer.score(Outcome("x", "y"))
        problems.append(caught.value.text)
    assert sum("Not asked any more" in text for text in problems) == 3
    assert all("time" in text for text in problems)


def test_the_work_that_may_be_asked_is_named() -> None:
    assert set(WORK) == {"expression", "expression_problem", "schema", "schema_problem"}
    with pytest.raises(WorkProblem):
        shared().ask("os:system", "true")
    check_expression("size(output) > 1")


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"name": "accuracy", "direction": "higher", "unit": "share"}, "name"),
        ({"name": "own_../x", "direction": "higher", "unit": "share"}, "name"),
        ({"name": "own_x", "direction": "up", "unit": "share"}, "direction"),
        ({"name": "own_x", "direction": "higher", "unit": "euro"}, "unit"),
    ],
)
def test_a_spec_that_is_wrong_is_refused(entry: dict[str, str], word: str) -> None:
    with pytest.raises(EngineError, match=f"own_metrics: .*{word}"):
        read_own([entry])
    good = {"name": "own_x", "direction": "none", "unit": "score", "expression": "1"}
    with pytest.raises(EngineError, match="same name"):
        read_own([good, good])


def test_a_share_that_was_all_or_nothing_is_a_rate() -> None:
    own = [metric("true", "share"), OwnMetric("own_y", "Y", "0.5", "higher", "share")]
    table = own_table(own, [{"own_x": 1.0, "own_y": 0.5}, {"own_x": 0.0, "own_y": 1.0}])
    assert table["own_x"].kind == "rate"
    assert table["own_y"].kind == "mean"
    assert Catalogue(table)["own_x"].label == "X"
    assert Catalogue(table)["accuracy"] is METRICS["accuracy"]


def test_results_tell_own_metrics_with_their_failures(tmp_path: Path) -> None:
    from engine.evaluation.cases import Case
    from engine.evaluation.scoring import Scoring
    from engine.evaluation.spec import read_spec
    from tests.engine.evaluation.test_judge_pairs import output

    spec = read_spec(
        {
            "model": {"path": str(tmp_path)},
            "data": {"rows": str(tmp_path / "rows.jsonl")},
            "task_type": "text",
            "systems": [{"key": "base"}, {"key": "tuned"}],
            "metrics": ["token_f1"],
            "own_metrics": [
                {"name": "own_same", "label": "Same field", "direction": "higher", "unit": "share",
                 "expression": "json(output).k == 1"},
            ],
        }
    )  # fmt: skip
    cases = [Case(i, f"{i:064}", i + 1, ({"role": "user", "content": "k?"},), '{"k": 1}') for i in range(8)]
    scoring = Scoring(spec, ["token_f1"], ())
    texts = {"base": ["none"] * 3 + ['{"k": 2}'] * 5, "tuned": ['{"k": 1}'] * 8}
    answers = {
        key: {i: scoring.scored(cases[i], output(key, i, text)) for i, text in enumerate(found)}
        for key, found in texts.items()
    }
    results = summarise(spec, cases, answers, ["token_f1"], {"systems": {}, "probes": {}})
    json.dumps(results)
    base = results["systems"]["base"]["metrics"]["own_same"]
    assert (base["value"], base["n"], base["failed"]) == (0.0, 5, 3)
    assert "no JSON" in base["problems"][0]["text"]
    assert base["problems"][0]["n"] == 3
    compared = next(row for row in results["comparisons"] if row["metric"] == "own_same")
    assert (compared["label"], compared["n"], compared["difference"]) == ("Same field", 5, 1.0)
    assert own_of(results)["own_same"].kind == "rate"


def test_the_examples_of_the_documentation_work() -> None:
    lines = [line for line in DOCS.read_text().split("| Expression |")[1].splitlines()[2:] if line.startswith("| `")]
    assert len(lines) >= 8
    for line in lines:
        expression = line.split("`")[1].replace("\\|", "|")
        value(expression, output='{"kind": "bug", "reason": "x"}')
