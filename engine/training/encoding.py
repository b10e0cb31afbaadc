"""Examples into token ids and labels, with the model's own chat template. Which tokens are trained is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.data.example import Example, Message
from engine.data.spans import Span, answer_spans, is_silenced, is_trained, read_turns
from engine.errors import EngineError

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Encoded:
    """One row as the model sees it. ``labels`` is ``input_ids`` where a token is trained, else -100."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained(self) -> int:
        return sum(label != IGNORED for label in self.labels)

    @property
    def length(self) -> int:
        """Tokens of the longest sequence the model sees."""
        return len(self.input_ids)

    @property
    def tokens(self) -> int:
        """Tokens the model sees."""
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class Judged:
    """A prompt with answers that are compared with one another: chosen and rejected, or one with a thumb."""

    prompt: list[int]
    answers: tuple[list[int], ...]
    label: bool | None = None

    @property
    def trained(self) -> int:
        return sum(map(len, self.answers))

    @property
    def length(self) -> int:
        return len(self.prompt) + max(map(len, self.answers))

    @property
    def tokens(self) -> int:
        return len(self.prompt) * len(self.answers) + self.trained


@dataclass(slots=True)
class Rows:
    """Encoded rows, and what had to be cut or left out (line numbers, 1-based)."""

    encoded: list[Any] = field(default_factory=list)
    """Encoded rows, or Judged ones for the methods that compare answers."""
    cut: list[int] = field(default_factory=list)
    """Longer than the cutoff: the end is missing."""
    unsupervised: list[int] = field(default_factory=list)
    """Left out: after the cut nothing to train remains."""
    partly: list[int] = field(default_factory=list)
    """The template writes earlier turns differently later on, so only the last answer is trained."""

    @property
    def longest(self) -> int:
        return max((row.length for row in self.encoded), default=0)

    @property
    def tokens(self) -> int:
        return sum(row.tokens for row in self.encoded)

    @property
    def trained(self) -> int:
        return sum(row.trained for row in self.encoded)


def encode_rows(
    examples: Iterable[tuple[int, Example]], tokenizer: Any, *, cutoff_len: int, answers_only: bool
) -> Rows:
    """Encodes (line, example) pairs. Raises EngineError("Data") for a row the template refuses, naming its line."""
    rows = Rows()
    for line, example in examples:
        try:
            encoded, whole = encode(example, tokenizer, answers_only=answers_only)
        except EngineError as error:
            raise EngineError(error.reason, f"Line {line}: {error.text}", error.remedy) from error
        if not whole:
            rows.partly.append(line)
        if len(encoded.input_ids) > cutoff_len:
            rows.cut.append(line)
            encoded = Encoded(encoded.input_ids[:cutoff_len], encoded.labels[:cutoff_len])
        # The first token is never predicted, so a label there trains nothing.
        if any(label != IGNORED for label in encoded.labels[1:]):
            rows.encoded.append(encoded)
        else:
            rows.unsupervised.append(line)
    return rows


def encode(example: Example, tokenizer: Any, *, answers_only: bool) -> tuple[Encoded, bool]:
    """One example, and whether all its assistant turns are trained (else those alone that the template writes the same
    later on). A turn of weight 0 is read and not trained."""
    if not example.messages:
        return _encode_text(example, tokenizer, answers_only), True
    messages = [dict(message) for message in (read_turns(example.messages) if answers_only else example.messages)]

    def render(turns: Sequence[Message], ask: bool) -> str:
        return _render(tokenizer, turns, example.tools, ask=ask)

    full = render(messages, False)
    batch = tokenizer(full, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids, offsets = list(batch["input_ids"]), batch["offset_mapping"]
    if answers_only:
        if not any(message["role"] == "assistant" for message in messages):
            raise EngineError("Data", "the row has no assistant turn to train.", "Remove the row, or add an answer.")
        spans, whole = answer_spans(messages, full, render)
        labels = _label(ids, offsets, spans)
    else:
        silenced, whole = answer_spans(messages, full, render, is_silenced)
        read = _label(ids, offsets, silenced)
        labels = [token if whole and label == IGNORED else IGNORED for token, label in zip(ids, read, strict=True)]
        whole = True  # where a turn of weight 0 cannot be told from the rest, nothing of the row is trained
    if is_trained(messages[-1]):
        _end_turn(ids, labels, tokenizer)
    return Encoded(ids, labels), whole


def _encode_text(example: Example, tokenizer: Any, answers_only: bool) -> Encoded:
    if answers_only:
        raise EngineError(
            "Data",
            "raw text has no answer to train on.",
            "Switch 'Train on answers only' off to train on all of it, or use rows with prompts and answers.",
        )
    ids = list(tokenizer(example.text or "", verbose=False)["input_ids"])
    if tokenizer.eos_token_id is not None and ids[-1:] != [tokenizer.eos_token_id]:
        ids.append(tokenizer.eos_token_id)
    return Encoded(ids, list(ids))


def _label(ids: list[int], offsets: Sequence[Span], spans: Sequence[Span]) -> list[int]:
    """A token is trained when any of its characters lies in a span."""
    labels = [IGNORED] * len(ids)
    place = 0
    for start, end in spans:
        while place < len(ids) and offsets[place][1] <= start:
            place += 1
        while place < len(ids) and offsets[place][0] < end:
            if offsets[place][1] > start:
                labels[place] = ids[place]
            place += 1
    return labels


def _end_turn(ids: list[int], labels: list[int], tokenizer: Any) -> None:
    """The answer ends with the end-of-sequence token: what a template writes after it is not trained, and a template
    that writes none gets one, or the tuned model would not know when to stop."""
    end = tokenizer.eos_token_id
    trained = [place for place, label in enumerate(labels) if label != IGNORED]
    if end is None or not trained:
        return
    ends = [place for place in trained if ids[place] == end]
    if not ends:
        ids.append(end)
        labels.append(end)
    elif not tokenizer.decode(ids[ends[-1] + 1 :]).strip():
        labels[ends[-1] + 1 :] = [IGNORED] * (len(ids) - ends[-1] - 1)


def _render(tokenizer: Any, messages: Sequence[Any], tools: Any, *, ask: bool) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(list(messages), tools=tools, tokenize=False, add_generation_prompt=ask)
        )
    except Exception as error:
        raise EngineError(
            "Data",
            f"the model's chat template refuses this row: {str(error)[:200]}",
            "Many templates want user and assistant turns in strict alternation and no system turn; mend the row.",
        ) from error
