"""TRL's row types: language modelling (``messages`` or ``text``), prompt and completion, preference, and unpaired
preference (``label``); turns everywhere, so that the trainer applies the model's own chat template."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.exports.limits import chat_turns, refuse_calls_to_choose

TITLE = "TRL"
ABOUT = "prompt and completion, messages, chosen and rejected, label, or text"

# One question and one answer: only the answer is trained on, as these shapes mean it.
_PAIRS = frozenset({"prompt_completion", "alpaca", "classification", "evaluation", "slots"})


def row(example: Example) -> dict[str, Any]:
    """Raises Inexpressible."""
    if not example.messages:
        return {"text": example.text}
    refuse_calls_to_choose(example)
    turns = chat_turns(example.messages)
    tools = {"tools": example.tools} if example.tools else {}
    if example.rejected is not None:
        rejected = [{"role": "assistant", "content": example.rejected}]
        return {"prompt": turns[:-1], "chosen": turns[-1:], "rejected": rejected, **tools}
    ends = turns[-1]["role"] == "assistant"
    if example.label is not None and ends:
        return {"prompt": turns[:-1], "completion": turns[-1:], "label": example.label, **tools}
    if example.label is not None:
        return {"messages": turns, "label": example.label, **tools}
    if example.shape in _PAIRS and ends:
        return {"prompt": turns[:-1], "completion": turns[-1:], **tools}
    return {"messages": turns, **tools}
