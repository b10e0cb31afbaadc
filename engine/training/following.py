"""What the processes of a run agree on at each step: the first one decides, the others do as it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from engine.training import ranks
from engine.training.checkpoints import Memory

if TYPE_CHECKING:
    from engine.training.sharding import Shards


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

    def __init__(self, shards: Shards | None = None) -> None:
        self._shards = shards

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The others wait here until the first has measured the model before step 1."""
        self._settle(False, False)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        words = self._settle(control.should_save, control.should_training_stop)
        control.should_save, control.should_training_stop = words

    def _settle(self, save: bool, stop: bool) -> tuple[bool, bool]:
        """(save?, stop?) as the first process has it. The others lend it their shares as often as it asks before."""
        while True:
            lend, save, stop = ranks.agree(False, save, stop)
            if not lend:
                return save, stop
            if self._shards is not None:
                with self._shards.whole():
                    pass


@contextmanager
def in_one_piece(shards: Shards | None) -> Iterator[None]:
    """Called in the first process while the others wait in ``Agreement``: inside, it has the whole model to itself."""
    if shards is None:
        yield
        return
    ranks.agree(True, False, False)
    with shards.whole():
        yield
