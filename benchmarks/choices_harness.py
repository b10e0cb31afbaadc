"""The leg of lm-evaluation-harness: ``PYTHON choices_harness.py GIVEN OUT``, PYTHON being one that has ``lm_eval``.

It imports nothing of the project. GIVEN is JSON: ``model``, ``batch_size`` and ``tasks`` (``name``, ``rows``: a file of
query, choices, gold; ``delimiter``). The harness's own task class and model class do the work, offline. OUT gets, for
each task: acc, acc_norm, the log-likelihoods of each row's choices, and the seconds of the harness's log-likelihood
calls (tokenising and forward passes; not loading, not building requests).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"})


def main(given_file: str, out_file: str) -> None:
    from lm_eval.models.huggingface import HFLM  # type: ignore[import-not-found, unused-ignore]

    given = json.loads(Path(given_file).read_text())
    model = _timed(HFLM)(pretrained=given["model"], dtype="float32", device="cpu", batch_size=given["batch_size"])
    told = {task["name"]: _task(model, task) for task in given["tasks"]}
    Path(out_file).write_text(json.dumps({"lm_eval": version("lm_eval"), "tasks": told}))


def _timed(kind: Any) -> Any:
    class Timed(kind):  # type: ignore[misc]
        spent = (0.0, 0.0)

        def loglikelihood(self, *args: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), _cpu()
            found = super().loglikelihood(*args, **named)
            self.spent = (time.perf_counter() - wall, _cpu() - cpu)
            return found

    return Timed


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _task(model: Any, task: dict[str, Any]) -> dict[str, Any]:
    from lm_eval import evaluate  # type: ignore[import-not-found, unused-ignore]
    from lm_eval.api.task import ConfigurableTask  # type: ignore[import-not-found, unused-ignore]

    config = {
        "task": task["name"],
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": task["rows"]}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "query",
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
        "target_delimiter": task["delimiter"],
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in _METRICS],
        "metadata": {"version": 1},
    }
    found = evaluate(model, {task["name"]: ConfigurableTask(config=config)}, log_samples=True, bootstrap_iters=0)
    rows = sorted(found["samples"][task["name"]], key=lambda row: row["doc_id"])
    return {
        **{name: found["results"][task["name"]][f"{name},none"] for name in _METRICS},
        "wall": model.spent[0],
        "cpu": model.spent[1],
        "rows": [[one[0] for one in row["filtered_resps"]] for row in rows],
        "right": [[row[name] for name in _METRICS] for row in rows],
    }


_METRICS = ("acc", "acc_norm")

if __name__ == "__main__":
    main(*sys.argv[1:3])
