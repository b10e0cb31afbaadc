"""What every method's trainer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.training.checkpoints import Memory
    from engine.training.encoding import Rows
    from engine.training.plan import Plan
    from engine.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True)
class Parts:
    """``model`` has its adapter on; ``validation`` is None when there is nothing to validate on."""

    model: Any
    tokenizer: Any
    train: Rows
    validation: Rows | None
    spec: TrainingSpec
    plan: Plan
    memory: Memory
    run_dir: Path

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for any of trl's configuration classes."""
        from engine.training.arguments import common_arguments

        return common_arguments(self.spec.training, self.plan, self.run_dir)

    def build(self, kind: type[Any], arguments: Any, train: Any, validation: Any) -> Any:
        """A trainer of this kind on these datasets."""
        return kind(
            model=self.model,
            args=arguments,
            train_dataset=train,
            eval_dataset=validation,
            processing_class=self.tokenizer,
            plan=self.plan,
            memory=self.memory,
        )
