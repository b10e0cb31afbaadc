"""The run chart's points and panels, by the modules themselves, in the node that playwright brings along."""

from __future__ import annotations

import itertools
import json
import subprocess
from typing import Any

import pytest

from tests.home import ROOT
from training_jobs import measures

playwright_driver = pytest.importorskip("playwright._impl._driver")

JS = """
import { readFileSync } from "node:fs";
const { RunSeries } = await import(process.argv[1] + "/run-series.js");
const { layout, traces } = await import(process.argv[1] + "/run-figure.js");
const { events, panels } = JSON.parse(readFileSync(0, "utf8"));
const series = new RunSeries(panels.flatMap((panel) => panel.lines.map(([name]) => name)));
const changes = events.map((event) => series.add(event));
const figure = layout(series, {}, {}, -0.05, 900, panels);
const axes = Object.fromEntries(Object.entries(figure).filter(([name]) => name.startsWith("yaxis"))
  .map(([name, { title, domain }]) => [name, { title: title.text, domain }]));
const drawn = traces(series, {}, {}, panels).map(
  ({ name, meta, yaxis, x, y, line }) => ({ name, meta, yaxis, x, y, dash: line.dash ?? "solid" }));
console.log(JSON.stringify({ changes, axes, drawn, ...series.rows(), latest: series.latest() }));
"""


def draw(method: str, *events: dict[str, Any]) -> Any:
    node = playwright_driver.compute_driver_executable()[0]
    given = json.dumps({"events": events, "panels": measures.panels(method)})
    command = [node, "--input-type=module", "-e", JS, str(ROOT / "static" / "js")]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metric(step: int, **values: float) -> dict[str, Any]:
    return {"kind": "metric", "step": step, **values}


REWARDS = (
    metric(0, eval_loss=0.7, eval_reward_margin=0.0, eval_reward_accuracy=0.5),
    metric(2, loss=0.69, reward_margin=0.25, reward_accuracy=0.75, reward_chosen=0.1, reward_rejected=-0.15),
    metric(4, loss=0.6, reward_margin=0.5, reward_accuracy=1.0, reward_chosen=0.2, reward_rejected=-0.3),
    metric(4, eval_loss=0.65, eval_reward_margin=0.4, eval_reward_accuracy=0.875),
)


def test_it_draws_rewards_and_shares_of_pairs_in_panels_of_their_own() -> None:
    found = draw("dpo", *REWARDS)
    lines = {trace["meta"]: trace for trace in found["drawn"]}
    assert (lines["own:reward_margin"]["x"], lines["own:reward_margin"]["y"]) == ([2, 4], [0.25, 0.5])
    assert lines["own:reward_margin"]["name"] == "Reward margin, chosen over rejected"
    assert (lines["own:reward_margin"]["dash"], lines["own:eval_reward_margin"]["dash"]) == ("solid", "dash")
    assert lines["own:eval_reward_accuracy"]["y"] == [50, 87.5]
    assert lines["own:reward_margin"]["yaxis"] == lines["own:reward_rejected"]["yaxis"] == "y4"
    assert lines["own:reward_accuracy"]["yaxis"] == "y5"
    assert (found["axes"]["yaxis4"]["title"], found["axes"]["yaxis5"]["title"]) == ("reward", "reward accuracy, %")


def test_it_stacks_the_panels_without_overlap() -> None:
    for method in ("sft", "distillation", "dpo"):
        domains = sorted(axis["domain"] for axis in draw(method, *REWARDS)["axes"].values())
        assert domains[0][0] == 0 and domains[-1][1] == 1
        assert all(below[1] < above[0] for below, above in itertools.pairwise(domains)), method


def test_it_puts_them_into_the_table_and_the_csv_with_blanks_where_nothing_was_measured() -> None:
    found = draw("dpo", *REWARDS)
    rows = [dict(zip(found["head"], row, strict=True)) for row in found["rows"]]
    assert [row["step"] for row in rows] == [0, 2, 4]
    assert [row["reward_margin"] for row in rows] == [None, 0.25, 0.5]
    assert [row["eval_reward_accuracy"] for row in rows] == [0.5, None, 0.875]
    assert ["reward margin", 0.5] in found["latest"]


def test_it_takes_points_back_when_a_run_resumes_before_them() -> None:
    found = draw("dpo", *REWARDS, metric(3, loss=0.65, reward_margin=0.3))
    assert found["changes"][-1] == "rewound"
    assert [line["x"] for line in found["drawn"] if line["meta"] == "own:reward_margin"] == [[2, 3]]


def test_it_draws_the_distance_from_the_teacher() -> None:
    found = draw("distillation", metric(2, loss=1.0, distillation_loss=0.5))
    assert found["axes"]["yaxis4"]["title"] == "distillation loss" and "yaxis5" not in found["axes"]
    assert [line["y"] for line in found["drawn"] if line["name"] == "Distance from the teacher"] == [[0.5]]


def test_it_has_no_panel_more_for_a_method_without_charts_whatever_the_events_say() -> None:
    found = draw("sft", *REWARDS)
    assert set(found["axes"]) == {"yaxis", "yaxis2", "yaxis3"}
    assert not any(line["meta"].startswith("own:") for line in found["drawn"])
    assert "reward_margin" not in found["head"]


def probe(suite: str, measure: str, step: int, change: float) -> dict[str, Any]:
    return {
        "kind": "probe",
        "step": step,
        "suite": suite,
        "title": suite.title(),
        "measure": measure,
        "label": f"{suite.title()} {measure}",
        "change": change,
    }


def test_it_draws_each_measure_of_one_suite_and_the_worst_of_each_of_several() -> None:
    one = [probe("general", "loss", 2, -0.01), probe("general", "accuracy", 2, -0.04)]
    found = [line for line in draw("sft", *one)["drawn"] if line["yaxis"] == "y2"]
    assert [(line["name"], line["y"]) for line in found] == [("General accuracy", [-4]), ("General loss", [-1])]
    several = [*one, probe("code", "loss", 2, 0.02), probe("code", "accuracy", 2, -0.1), probe("code", "loss", 4, -0.2)]
    drawn = draw("sft", *several)
    found = [line for line in drawn["drawn"] if line["yaxis"] == "y2"]
    assert [(line["name"], line["x"], line["y"]) for line in found] == [
        ("General", [2], [-4]),
        ("Code", [2, 4], [-10, -20]),
    ]
    assert {"General_accuracy_change", "Code_loss_change"} < set(drawn["head"])


def test_it_begins_a_suites_worst_anew_when_a_resumed_run_measures_a_step_again() -> None:
    again = [probe("code", "loss", 2, -0.3), probe("code", "accuracy", 2, 0.0), probe("code", "loss", 2, -0.1)]
    found = draw("sft", probe("general", "loss", 2, 0.0), *again)
    assert [line["y"] for line in found["drawn"] if line["name"] == "Code"] == [[-10]]
