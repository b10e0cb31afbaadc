"""``python -m engine methods``: what can be trained how, with every option and default."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.methods.table import METHODS, refusal
from engine.training.options import describe
from engine.training.spec import TrainingOptions

SCHEMA_VERSION = 1


def document() -> dict[str, Any]:
    """Methods, adapters, options with defaults, and which pairs are allowed, with the reason where not."""
    return {
        "schema_version": SCHEMA_VERSION,
        "training": [item.to_json() for item in describe(TrainingOptions)],
        "methods": [
            {
                "key": method.key,
                "label": method.label,
                "when": method.when,
                "data_shapes": method.data_shapes,
                "options": [item.to_json() for item in describe(method.options())],
            }
            for method in METHODS.values()
        ],
        "adapters": [
            {
                "key": adapter.key,
                "label": adapter.label,
                "when": adapter.when,
                "options": [item.to_json() for item in describe(adapter.options())],
            }
            for adapter in ADAPTERS.values()
        ],
        "pairs": [
            {
                "method": method,
                "adapter": adapter,
                "allowed": not refusal(method, adapter),
                "reason": refusal(method, adapter),
            }
            for method in METHODS
            for adapter in ADAPTERS
        ],
    }


def methods_main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine methods", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    if parser.parse_args(argv).json:
        print(json.dumps(document(), indent=1, ensure_ascii=False))
        return 0
    for title, table in (("Methods", METHODS), ("Adapters", ADAPTERS)):
        print(title)
        for row in table.values():
            print(f"  {row.key:<6} {row.label}: {row.when}")
    return 0
