"""``python -m engine.samples.support_tickets``: write tickets.jsonl and the planted facts of sample.json again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engine.samples.support_tickets.planting import compose_lines, describe_lines

HERE = Path(__file__).parent


def write_sample(directory: Path) -> None:
    """Write the training file of the sample, and the facts about it into an existing ``sample.json``."""
    lines = compose_lines()
    (directory / "tickets.jsonl").write_bytes("".join(f"{line.text}\n" for line in lines).encode())
    metadata = json.loads((HERE / "sample.json").read_text(encoding="utf-8"))
    metadata["planted"]["tickets.jsonl"] = describe_lines(lines)
    (directory / "sample.json").write_text(json.dumps(metadata, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
