"""Which turns of a conversation are trained, and where they stand in it once a chat template has written it down.

Training labels tokens by these spans (engine/training/encoding.py), and the audit counts by them what a cutoff leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.data.example import Message

Span = tuple[int, int]
# (turns, whether it ends by asking for the answer) → text
Render = Callable[[Sequence[Message], bool], str]


def is_trained(message: Message) -> bool:
    """An assistant turn, unless its weight is 0 (as OpenAI defines it: not trained). Other turns' weights say
    nothing."""
    return message["role"] == "assistant" and message.get("weight", 1) != 0


def is_silenced(message: Message) -> bool:
    """An assistant turn whose weight is 0: it is read and not learnt."""
    return message["role"] == "assistant" and message.get("weight", 1) == 0


def read_turns(messages: Sequence[Message]) -> Sequence[Message]:
    """``messages`` without what follows the last trained answer, where an answer of weight 0 does: it changes nothing
    of what is learnt, and some templates would write the trained answer otherwise before it."""
    if not any(len(message) > 2 and is_silenced(message) for message in messages):
        return messages
    last = max((place for place, message in enumerate(messages) if is_trained(message)), default=-1)
    return messages[: last + 1] if any(map(is_silenced, messages[last + 1 :])) and last >= 0 else messages


def answer_spans(
    messages: Sequence[Message], full: str, render: Render, wanted: Callable[[Message], bool] = is_trained
) -> tuple[list[Span], bool]:
    """Character spans of the ``wanted`` assistant turns inside ``full``, the rendered conversation, end-of-turn mark
    included; and whether all of them were found.

    A turn runs from the end of the prompt before it (as generation would see it) to the end of the conversation up to
    it. Where a template rewrites earlier turns later on, only the turns that agree are found; the last always must.
    """
    spans: list[Span] = []
    whole = True
    last = max((place for place, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    for place, message in enumerate(messages):
        if not wanted(message):
            continue
        if place == 0 and last > 0:  # there is no prompt before it to be rendered
            whole = False
            continue
        before = render(messages[:place], True)
        upto = full if place == len(messages) - 1 else render(messages[: place + 1], False)
        if full.startswith(before) and full.startswith(upto) and len(upto) > len(before):
            spans.append((len(before), len(upto)))
        elif place == last:
            spans.append(_after_common_prefix(before, full))
        else:
            whole = False
    return spans, whole


def _after_common_prefix(before: str, full: str) -> Span:
    same = next((i for i, (a, b) in enumerate(zip(before, full, strict=False)) if a != b), min(len(before), len(full)))
    return same, len(full)
