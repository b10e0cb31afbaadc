"""What an evaluation has done so far, on disk: outputs.jsonl (one flushed line an answer) and state.json.

Both are read again when a stopped evaluation goes on; a half-written last line is cut off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.lines import whole_lines


@dataclass(frozen=True, slots=True)
class Output:
    """One system's answer to one row."""

    row: int
    row_id: str
    line: int
    system: str
    text: str
    scores: dict[str, float]
    latency_s: float
    """Seconds until this row was done; the latency of a request alone only where `alone`."""
    tokens_in: int
    tokens_out: int
    batch: int
    """Rows that ran beside it, itself included."""
    alone: bool
    """Whether it belongs to the latency sample (a last batch that happens to hold one row does not)."""
    ended: bool
    """False when it was cut at max_new_tokens."""
    refused: bool | None = None
    """None where nobody has looked; whoever reads it then asks the text."""
    unscored: dict[str, str] = field(default_factory=dict)
    """Own metrics that failed on this answer, and why."""
    first_token_s: float | None = None
    """Seconds until the first token, from the start of its batch."""
    cost: float | None = None
    """In the currency of the system's price."""
    retrieved: list[dict[str, Any]] | None = None
    """The passages it was given: document, chunk, score, text."""
    problem: str = ""
    """Why there is no answer: scored as a wrong one, shown as failed."""
    cached: bool = False
    """Whether it was generated for an earlier evaluation."""

    @property
    def alone_s(self) -> float | None:
        return self.latency_s if self.alone else None


class Journal:
    """The files of one evaluation's run directory."""

    def __init__(self, run_dir: Path) -> None:
        self._outputs = run_dir / "outputs.jsonl"
        self._state = run_dir / "state.json"
        self.state: dict[str, Any] = {"systems": {}, "probes": {}}
        if self._state.exists():
            self.state = json.loads(self._state.read_text())
        self.outputs: dict[tuple[str, int], Output] = {}
        self._read()

    def missing(self, system: str, rows: int) -> list[int]:
        """Positions that the system has not answered yet, or whose request failed: a new start asks those again."""
        outputs = self.outputs
        return [row for row in range(rows) if (one := outputs.get((system, row))) is None or one.problem]

    def of(self, system: str) -> dict[int, Output]:
        return {row: output for (key, row), output in self.outputs.items() if key == system}

    def append(self, outputs: list[Output]) -> None:
        """Add a batch's answers and flush them."""
        lines = []
        for output in outputs:
            self.outputs[output.system, output.row] = output
            document = {name: getattr(output, name) for name in Output.__slots__}
            lines.append(json.dumps(document) + "\n")
        with self._outputs.open("a", encoding="utf-8") as file:
            file.write("".join(lines))

    def save_state(self) -> None:
        partial = self._state.with_suffix(".partial")
        partial.write_text(json.dumps(self.state))
        partial.replace(self._state)

    def _read(self) -> None:
        for line in whole_lines(self._outputs):
            output = Output(**json.loads(line))
            self.outputs[output.system, output.row] = output
