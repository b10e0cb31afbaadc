"""The one shape every format is read into: an Example."""

from __future__ import annotations

import json
from typing import Any

import msgspec

# role, content and, where the row has them: name, tool_calls, tool_call_id, reasoning_content, weight
Message = dict[str, Any]


class Example(msgspec.Struct, frozen=True):
    """One training or evaluation example, whatever shape its row had.

    ``messages`` are canonical turns (role system, user, assistant or tool; content is a string), the last assistant
    turn being the answer. A preference row has its chosen answer as that turn and in ``chosen``; ``rejected`` is the
    other. ``label`` is KTO's thumb. ``text`` is raw text for continued pre-training (then there are no messages).
    ``choices`` are all the answers an evaluation row offers. ``annotations`` are the labels several people gave:
    (who, label), without those that gave none.
    """

    shape: str
    messages: tuple[Message, ...] = ()
    chosen: str | None = None
    rejected: str | None = None
    label: bool | None = None
    text: str | None = None
    tools: list[Any] | None = None
    choices: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def answer_index(self) -> int:
        """Where the last assistant turn stands in ``messages``; -1 when there is none."""
        messages = self.messages
        for index in range(len(messages) - 1, -1, -1):
            if messages[index]["role"] == "assistant":
                return index
        return -1

    @property
    def prompt_messages(self) -> tuple[Message, ...]:
        """All turns before the answer."""
        index = self.answer_index
        return self.messages if index < 0 else self.messages[:index]

    @property
    def prompt_text(self) -> str:
        """What the user said last before the answer."""
        for message in reversed(self.prompt_messages):
            if message["role"] == "user":
                return str(message["content"])
        return ""

    @property
    def answer(self) -> str:
        """The answer as text; a tool call without words is given as its JSON."""
        if self.chosen is not None:
            return self.chosen
        index = self.answer_index
        return turn_text(self.messages[index]) if index >= 0 else ""


def turn_text(message: Message) -> str:
    content = message["content"]
    if not content and message.get("tool_calls"):
        return json.dumps(message["tool_calls"], ensure_ascii=False)
    return str(content)
