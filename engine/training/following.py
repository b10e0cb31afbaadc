"""What the processes of a run agree on at each step: the first one decides, the others do as it says."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from engine.training import ranks
from engine.training.checkpoints import Memory


class Together(TrainerCallback):
    """Before all other callbacks: the tokens of a step are those of all processes."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known = memory.tokens

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._known += ranks.total(self._memory.tokens - self._known)
        self._memory.tokens = self._known


class Agreement(TrainerCallback):
    """After all other callbacks: what they want in the first process happens in each."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The others wait here until the first has measured the model before step 1."""
        ranks.agree(True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        words = ranks.agree(control.should_save, control.should_training_stop)
        control.should_save, control.should_training_stop = words
