"""`make lock`: turn base.in and dev.in into lock files with hashes, for Python 3.11 to 3.13 on Linux and macOS.

    base.txt       what the workbench runs on, without the two below
    torch.txt      torch alone, as the package index has it
    torch-cpu.txt  the CPU-only build of the same version, which is on no package index
    cuda.txt       the GPU libraries that torch's CUDA build asks for; installed only beside that build
    dev.txt        what testing and checking need on top

torch stands apart because which build is right depends on the machine, and everything else does not. Pins stay as
they are unless `--upgrade` or `--upgrade-package NAME` is given (make lock ARGS=--upgrade).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = "# Written by `make lock` from {source}; change that and lock again.\n"
GPU_NAMES = re.compile(r"^(nvidia|cuda|triton|cupti)\b")

# The wheels of the CPU-only build that installs take, where pip's own configuration offers one (an extra index, a
# folder of wheels) and there is no GPU to use: file name → SHA-256.
CPU_BUILDS = {
    "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl": (
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
    ),
}


def lock(options: list[str]) -> None:
    """Write the four lock files; raises CalledProcessError when the requirements cannot be met together."""
    base = compile_lock("base.in", ["base.txt", "torch.txt", "cuda.txt"], options)
    torch = {name: block for name, block in base.items() if name == "torch"}
    cuda = {name: block for name, block in base.items() if GPU_NAMES.match(name)}
    rest = {name: block for name, block in base.items() if name not in torch and name not in cuda}
    write("torch.txt", "base.in", torch)
    write("torch-cpu.txt", "lock.py", {"torch": cpu_builds(torch["torch"])})
    write("cuda.txt", "base.in", cuda)
    write("base.txt", "base.in", rest)
    dev = compile_lock("dev.in", ["dev.txt"], options)
    write("dev.txt", "dev.in", {name: block for name, block in dev.items() if name not in base})


def compile_lock(source: str, earlier: list[str], options: list[str]) -> dict[str, str]:
    """Resolve one .in file for all supported Pythons and platforms at once: package name → its block of lines."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "lock.txt"
        known = [HERE / name for name in earlier if (HERE / name).exists()]
        target.write_text("".join(path.read_text(encoding="utf-8") for path in known), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal"]
        command += ["--python-version", "3.11", "--generate-hashes", "--no-header"]
        command += ["--output-file", str(target), *options, source]
        subprocess.run(command, cwd=HERE, check=True)
        return blocks(target.read_text(encoding="utf-8"))


def blocks(text: str) -> dict[str, str]:
    """Split a lock file at its unindented lines; a package pinned twice (by Python version) keeps both blocks."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        start = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
        if start:
            name = start.group().lower()
        if name:
            found[name] = found.get(name, "") + line
    return found


def cpu_builds(block: str) -> str:
    """The pin of the CPU-only build: torch's own version with `+cpu`. Refuses wheels of another version."""
    version = re.match(r"torch==([0-9.]+)", block)
    if version is None:
        raise SystemExit(f"torch must be pinned with == in base.in, found: {block.splitlines()[0]}")
    pin = f"torch=={version.group(1)}+cpu"
    for name in CPU_BUILDS:
        if not name.startswith(pin.replace("==", "-") + "-"):
            raise SystemExit(f"CPU_BUILDS in lock.py names {name}, but torch is pinned at {version.group(1)}")
    return pin + "".join(f" \\\n    --hash=sha256:{digest}" for digest in CPU_BUILDS.values()) + "\n"


def write(name: str, source: str, found: dict[str, str]) -> None:
    text = HEADER.format(source=source) + "".join(found[key] for key in sorted(found))
    (HERE / name).write_text(text, encoding="utf-8")
    print(f"requirements/{name}: {len(found)} packages")


if __name__ == "__main__":
    lock(sys.argv[1:])
