"""``python -m engine methods --json`` lists what can be trained how."""

from __future__ import annotations

import json
import subprocess
import sys

from engine.adapters.table import ADAPTERS
from engine.data.formats import FORMATS
from engine.methods.table import METHODS
from tests.home import ROOT


def test_it_lists_methods_adapters_options_and_pairs() -> None:
    command = [sys.executable, "-m", "engine", "methods", "--json"]
    document = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    assert [row["key"] for row in document["methods"]] == list(METHODS)
    assert [row["key"] for row in document["adapters"]] == list(ADAPTERS)
    assert len(document["pairs"]) == len(METHODS) * len(ADAPTERS)
    assert all(pair["allowed"] == (pair["reason"] == "") for pair in document["pairs"])
    rates = [item for item in document["training"] if item["name"] == "learning_rate"]
    assert rates[0]["default"] == 2e-4


def test_it_has_for_every_row_a_file_with_the_functions_it_needs() -> None:
    for method in METHODS.values():
        module = method.module()
        assert all(callable(getattr(module, name)) for name in ("Options", "encode_rows", "build_trainer"))
        assert set(method.data_shapes) <= set(FORMATS)
        assert method.when.endswith(".")
    for adapter in ADAPTERS.values():
        module = adapter.module()
        assert all(callable(getattr(module, name)) for name in ("Options", "count_trainable", "per_block", "attach"))
        assert adapter.when.endswith(".")
