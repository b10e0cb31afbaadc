"""Whether a run fits into memory: asked before the weights are loaded, bounded while the longest batch is tried, and
said in words that propose the smallest change that fits."""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engine import device as machine
from engine.decision.fitting import need, smallest_change
from engine.decision.resources import Lengths, Memory
from engine.decision.shapes import ModelShape
from engine.device import Device
from engine.errors import EngineError
from engine.training.spec import TrainingSpec

MARK = "dry_run.json"
_KEPT_FREE = 256 << 20
"""Left to the rest of the machine while the longest batch is tried."""


@dataclass(frozen=True, slots=True)
class Room:
    """A run, and what it was found to be made of."""

    spec: TrainingSpec
    shape: ModelShape
    lengths: Lengths
    run_dir: Path

    def expected(self) -> Memory:
        """What the run takes, and what there is for it."""
        return need(self.spec, self.shape, _as_it_is(), self.lengths)

    def require(self) -> Memory:
        """Before anything is loaded. Raises EngineError("OutOfMemory") when even the low estimate does not fit, or when
        the kernel ended an earlier attempt for its memory in its dry run."""
        found = self.expected()
        if self._was_ended():
            raise self.exhausted("in the dry run on the longest batch: the system ended the process for its memory")
        if self.spec.training.dry_run and found.low > found.available:
            text = f"At least {found.low / 1e9:.1f} GB are needed and {found.available / 1e9:.1f} GB are free."
            raise EngineError("OutOfMemory", text, self._remedy(failed=False))
        return found

    def exhausted(self, when: str) -> EngineError:
        """Memory ran out; ``when`` completes that sentence."""
        batch = self.spec.training.per_device_train_batch_size
        text = f"Memory ran out {when}, with a batch of {batch} rows of up to {self.lengths.longest:,} tokens."
        return EngineError("OutOfMemory", text, self._remedy(failed=True))

    def _remedy(self, *, failed: bool) -> str:
        found = smallest_change(self.spec, self.shape, _as_it_is(), self.lengths, failed=failed)
        if found is not None:
            return found.sentence
        return "No smaller batch, adapter or cutoff would fit here: choose a smaller model, or a machine with more."

    @contextlib.contextmanager
    def tried(self) -> Iterator[None]:
        """While inside, this process can take no more memory than the machine has free: too much is then an error that
        can be told, and not a death by the kernel. What the kernel ends all the same is known at the next attempt."""
        mark = self.run_dir / MARK
        mark.write_text(json.dumps({"boot": _boot(), "oom_kills": machine.oom_kills()}))
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        held = machine.process_bytes("VmData")
        if held and _as_it_is().kind == "cpu":
            bound = held + max(0, machine.free_memory() - _KEPT_FREE)
            resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
            mark.unlink(missing_ok=True)

    def _was_ended(self) -> bool:
        """An earlier attempt left its mark, and the kernel has ended a process for memory since: it was this one."""
        mark = self.run_dir / MARK
        try:
            left = json.loads(mark.read_text())
        except (OSError, ValueError):
            return False
        mark.unlink()
        kills, before = machine.oom_kills(), left.get("oom_kills")
        return left.get("boot") == _boot() and kills is not None and before is not None and kills > before


def _as_it_is() -> Device:
    """This machine with what this process could hold in all: what is free, and what it holds already."""
    found = machine.describe()
    return replace(found, free_bytes=machine.free_memory() + machine.process_bytes("VmRSS"))


def _boot() -> str:
    """Names the time since the machine was started; empty where it has no name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def peak_bytes() -> int:
    """The most this process held resident since ``forget_peak``; 0 where that is not told."""
    return machine.process_bytes("VmHWM")


def forget_peak() -> None:
    """Begins a new peak (Linux; elsewhere the peak is the whole process's)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
