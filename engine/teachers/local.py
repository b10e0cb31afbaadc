"""A model of this machine as a teacher: greedy, in batches, through the engine's own generation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from engine.teachers import Question, Reply, Stopped

BATCH = 4


@contextmanager
def open_teacher(spec: dict[str, Any], key: str, stop: Callable[[], bool]) -> Iterator[LocalTeacher]:
    """Loads the model, with the adapter ``spec`` may name on it; ``key`` is not used. Raises EngineError("Model")."""
    from engine.evaluation.weights import attach, load_model

    model, tokenizer = load_model(Path(spec["path"]))
    if spec.get("adapter"):
        model = attach(model, Path(spec["adapter"]))
    yield LocalTeacher(model, tokenizer, int(spec.get("max_tokens") or 512), stop)


class LocalTeacher:
    def __init__(self, model: Any, tokenizer: Any, max_tokens: int, stop: Callable[[], bool]) -> None:
        self._model, self._tokenizer, self._max_tokens, self._stop = model, tokenizer, max_tokens, stop

    def answers(self, questions: Iterable[Question]) -> Iterator[Reply]:
        """Raises EngineError and Stopped (between two tokens)."""
        from engine.evaluation.generate import encode_prompt, generate

        waiting = iter(questions)
        while batch := list(islice(waiting, BATCH)):
            prompts = [encode_prompt(self._tokenizer, question.messages) for question in batch]
            made = generate(
                self._model,
                self._tokenizer,
                prompts,
                max_new_tokens=self._max_tokens,
                batch_size=BATCH,
                on_step=self._look,
            )
            for group in made:
                for one in group:
                    number = batch[one.index].number
                    yield Reply(number, one.text, one.ended, one.tokens_in, one.tokens_out)

    def _look(self) -> None:
        if self._stop():
            raise Stopped
