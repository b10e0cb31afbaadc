"""What this machine can do, asked without torch: processors, memory, matrix units, GPUs."""

from __future__ import annotations

import functools
import os
import platform
import resource
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

_GPU_QUERY = ("name", "memory.total", "memory.free", "compute_cap")
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    memory_bytes: int
    free_bytes: int
    compute_capability: float

    @property
    def bf16(self) -> bool:
        """Ampere (8.0) is the first with bf16 matrix units."""
        return self.compute_capability >= 8.0


@dataclass(frozen=True, slots=True)
class Device:
    """A machine as training sees it. ``processors`` and memory respect container limits."""

    kind: str
    """"cuda" or "cpu"."""
    name: str
    processors: int
    memory_bytes: int
    free_bytes: int
    amx_bf16: bool = False
    avx512_bf16: bool = False
    gpus: tuple[Gpu, ...] = ()

    @property
    def bf16(self) -> bool:
        """Whether bf16 arithmetic is done by the hardware (elsewhere it is emulated and slower than fp32)."""
        return self.gpus[0].bf16 if self.gpus else self.amx_bf16 or self.avx512_bf16

    @property
    def accelerator_bytes(self) -> int:
        """Memory that a training run has to fit in: the first GPU's, or the machine's."""
        return self.gpus[0].memory_bytes if self.gpus else self.memory_bytes

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@functools.cache
def describe() -> Device:
    """This machine, asked once a process. Free memory is as it was at the first call; use ``free_memory`` for now's."""
    gpus = _gpus()
    flags = _cpu_flags()
    return Device(
        kind="cuda" if gpus else "cpu",
        name=gpus[0].name if gpus else _cpu_name(),
        processors=_processors(),
        memory_bytes=_total_memory(),
        free_bytes=free_memory(),
        amx_bf16="amx_bf16" in flags,
        avx512_bf16="avx512_bf16" in flags,
        gpus=gpus,
    )


def free_memory() -> int:
    """Bytes this process can take now without swapping, the limits of container and process included."""
    rooms = [_meminfo("MemAvailable") or _page_bytes("SC_AVPHYS_PAGES")]
    limit = _cgroup("memory.max")
    if limit is not None:
        rooms.append(limit - (_cgroup("memory.current") or 0))
    for which, held in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        soft, _ = resource.getrlimit(which)
        if soft != resource.RLIM_INFINITY:
            rooms.append(soft - process_bytes(held))
    return max(0, min(rooms))


def process_bytes(name: str) -> int:
    """A figure of this process's /proc/self/status in bytes ("VmRSS", "VmHWM", "VmData" …); 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def oom_kills() -> int | None:
    """How many processes the kernel has ended for want of memory since it started; None where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def _total_memory() -> int:
    total = _meminfo("MemTotal") or _page_bytes("SC_PHYS_PAGES")
    limit = _cgroup("memory.max")
    return total if limit is None else min(total, limit)


def _processors() -> int:
    """Processors this process may use: affinity, then the container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def _cgroup(name: str) -> int | None:
    try:
        text = (Path("/sys/fs/cgroup") / name).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _meminfo(key: str) -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), 0)


def _page_bytes(name: str) -> int:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


@functools.cache
def _cpuinfo() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _cpu_flags() -> frozenset[str]:
    return frozenset(_cpuinfo().get("flags", "").split())


def _cpu_name() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def _gpus() -> tuple[Gpu, ...]:
    """NVIDIA cards by the driver's own tool: importing torch to ask would cost the web seconds and hundreds of MB."""
    tool = shutil.which("nvidia-smi")
    if tool is None or os.environ.get("CUDA_VISIBLE_DEVICES") == "" or not _torch_has_cuda():
        return ()
    command = [tool, f"--query-gpu={','.join(_GPU_QUERY)}", "--format=csv,noheader,nounits"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(run.stdout)


def _torch_has_cuda() -> bool:
    """False when the torch that is installed is a processor-only build: a card it cannot use is no device of ours."""
    try:
        return not metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return False


def parse_gpus(table: str) -> tuple[Gpu, ...]:
    """Reads nvidia-smi's CSV (name, total MiB, free MiB, compute capability); a line with [N/A] is passed over."""
    gpus = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        try:
            name, total, free, capability = cells
            gpus.append(Gpu(name, int(total) * _MIB, int(free) * _MIB, float(capability)))
        except ValueError:
            continue
    return tuple(gpus)
