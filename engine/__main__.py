"""The one door of the engine: ``python -m engine COMMAND ...``."""

from __future__ import annotations

import sys
from importlib import import_module

# name → (dotted path of main(argv) -> exit code, one line of help). Loaded on use: `audit` must not wait for torch.
COMMANDS: dict[str, tuple[str, str]] = {
    "audit": ("engine.data.cli:audit_main", "audit a data file, or a run directory of kind audit"),
    "repair": ("engine.data.cli:repair_main", "write a repaired copy of a data file (run directory)"),
    "preview": ("engine.data.preview:preview_main", "say what a repair would do, with examples, as JSON"),
    "split": (
        "engine.data.cli:split_main",
        "split a data file into train, validation and test (run directory)",
    ),
    "unpack": ("engine.data.unpack:unpack_main", "write the rows of a gzip, CSV or Parquet file as JSON Lines"),
    "draft": ("engine.drafting.cli:draft_main", "let a teacher draft candidate rows (run directory)"),
    "export": ("engine.data.export:export_main", "write rows as OpenAI, ShareGPT, Alpaca or TRL rows"),
    "export-model": ("engine.export.cli:export_main", "export a trained checkpoint (run directory)"),
    "map": ("engine.data.mapping:map_main", "write rows of an unknown shape by a mapping of their columns"),
    "train": ("engine.training.cli:train_main", "train as the spec.json of a run directory says"),
    "evaluate": (
        "engine.evaluation.cli:evaluate_main",
        "evaluate systems as the spec.json of a run directory says",
    ),
    "verdict": (
        "engine.evaluation.again:verdict_main",
        "compute an evaluation's verdict again from its run directory",
    ),
    "score": ("engine.evaluation.cli:score_main", "score rows of (query, choices, gold) by log-likelihood"),
    "methods": (
        "engine.methods.cli:methods_main",
        "list methods, adapters, options and which pairs are allowed",
    ),
    "starter": ("engine.starter:starter_main", "fetch and convert the starter model"),
}


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: python -m engine COMMAND ...\n")
        print("\n".join(f"  {name:<12} {help_line}" for name, (_, help_line) in COMMANDS.items()))
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print(f"engine: unknown command {argv[0]!r}; known: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module_name, function_name = COMMANDS[argv[0]][0].split(":")
    function = getattr(import_module(module_name), function_name)
    return int(function(argv[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
