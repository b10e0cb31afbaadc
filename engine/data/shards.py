"""One pass by several processes: the file is cut at line ends, each stretch is gathered apart, and what comes back is
kept in the order of the file. So the result is that of one process, and memory is bounded by the stretches under way.

Processes are forked: they have the checks, the gates and the tokenizer as they stand, and share their memory.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from engine.data.gather import FIRST_ROWS, Gathered, batches
from engine.data.pieces import Tally
from engine.process import tie_to_parent

if TYPE_CHECKING:
    from engine.data.gather import Gatherer
    from engine.data.records import Reader

# A smaller file is read before other processes have begun. More processes than this would need too much memory.
LEAST_BYTES, STRETCH_BYTES, MOST_PROCESSES = 24 << 20, 4 << 20, 4


class Stretch(NamedTuple):
    """Whole lines: ``length`` bytes from ``offset``, after ``lines`` lines."""

    offset: int
    length: int
    lines: int


@dataclass(slots=True)
class Part:
    """What a stretch gave; ``states``: what checks keep of it, by name."""

    gathered: list[Gathered]
    states: dict[str, Any]
    failures: tuple[int, str]
    blank: int
    crlf: int
    bom: bool


class _Section:
    """A stretch of an open file, to be read like a file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int) -> bytes:
        block = self._file.read(min(size, self._left))
        self._left -= len(block)
        return block


class _NoDigest:
    """The digest is of the whole file: the process that cuts it takes it."""

    def update(self, block: bytes) -> None:
        """Nothing."""


def processes() -> int:
    """How many cores this process may use, at most ``MOST_PROCESSES``; 1 where forking is not the usual thing."""
    if not sys.platform.startswith("linux"):
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


def worth_sharing(reader: Reader, gatherer: Gatherer) -> bool:
    """Is the file large, made of lines, and can every check be given parts?"""
    if reader.container == "json_array" or reader.path.stat().st_size < LEAST_BYTES or processes() < 2:
        return False
    return not gatherer.undivided()


def gather_apart(reader: Reader, gatherer: Gatherer) -> Iterator[Gathered]:
    """What ``gatherer`` makes of the file, in its order; ``reader.tally`` is complete at the end."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads would not live on in other processes
    with reader.path.open("rb") as file:
        gatherer.prepare(next(batches(reader.stretch(file, Tally()), FIRST_ROWS), []))
    gc.collect()
    gc.freeze()  # what is there now is shared by the processes, as long as nobody counts it
    count = processes()
    fork = multiprocessing.get_context("fork")
    given = (reader, gatherer, tie_to_parent())
    pool = ProcessPoolExecutor(count, mp_context=fork, initializer=_begin, initargs=given)
    waiting: deque[Future[Part]] = deque()
    try:
        for stretch in _stretches(reader.path, reader.tally):
            waiting.append(pool.submit(_gather, stretch))
            if len(waiting) > 2 * count:
                yield from _take(waiting.popleft().result(), reader.tally, gatherer)
        while waiting:
            yield from _take(waiting.popleft().result(), reader.tally, gatherer)
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _take(part: Part, tally: Tally, gatherer: Gatherer) -> Iterator[Gathered]:
    tally.blank += part.blank
    tally.crlf += part.crlf
    tally.bom = tally.bom or part.bom
    gatherer.merge(part.states)
    if gatherer.counter is not None:
        gatherer.counter.add_failures(*part.failures)
    yield from part.gathered


def _stretches(path: Path, tally: Tally) -> Iterator[Stretch]:
    """The file cut after line feeds, in steps of about ``STRETCH_BYTES``. A line that is longer is never held."""
    offset = length = 0
    with path.open("rb") as file:
        while chunk := file.read(STRETCH_BYTES):
            tally.digest.update(chunk)
            tally.bytes_read += len(chunk)
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield Stretch(offset, length + cut, tally.lines)
                tally.lines += chunk.count(b"\n")
                offset, length = offset + length + cut, len(chunk) - cut
            else:
                length += len(chunk)
    if length:
        yield Stretch(offset, length, tally.lines)
        tally.lines += 1


_given: list[Any] = []


def _begin(reader: Reader, gatherer: Gatherer, tie: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tie()  # nobody would take what is gathered
    gc.disable()  # rows hold no circles: looking for some would take a tenth of the time
    _given[:] = [reader, gatherer]


def _gather(stretch: Stretch) -> Part:
    reader, gatherer = cast("tuple[Reader, Gatherer]", _given)
    tally = Tally(lines=stretch.lines, digest=_NoDigest())
    with reader.path.open("rb") as file:
        file.seek(stretch.offset)
        section = cast(BinaryIO, _Section(file, stretch.length))
        gathered = [gatherer.gather(batch) for batch in batches(reader.stretch(section, tally, stretch.offset))]
    failures = gatherer.counter.take_failures() if gatherer.counter is not None else (0, "")
    return Part(gathered, gatherer.take_states(), failures, tally.blank, tally.crlf, tally.bom)
