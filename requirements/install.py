"""Make .venv and install the locked packages into it. Needs nothing but Python 3.11 to 3.13 with pip and venv.

    python3 requirements/install.py [dev]

Every file is checked against the hash in the lock file. What is already installed is known by a stamp (the hash of
the lock files and of the Python they were installed for), so a second call takes milliseconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parent / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST, NEWEST = (3, 11), (3, 13)

# Run in the environment: does the torch that is installed ask for GPU libraries here?
ASKS_FOR_GPU_LIBRARIES = """
import importlib.metadata, sys
from pip._vendor.packaging.requirements import Requirement
wanted = [Requirement(line) for line in importlib.metadata.requires("torch") or []]
gpu = [each for each in wanted if each.name.startswith(("nvidia-", "cuda-", "triton"))]
sys.exit(0 if any(each.marker is None or each.marker.evaluate({"extra": ""}) for each in gpu) else 1)
"""


class InstallError(Exception):
    """Says what went wrong and what to do about it."""


def install(dev: bool) -> None:
    """Bring .venv up to the lock files; `dev` adds what tests and checks need. Raises InstallError."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise InstallError(
            f"This is Python {sys.version.split()[0]}; Python 3.11, 3.12 or 3.13 is needed.\n"
            "Install one of them and name it: make run PYTHON=python3.12"
        )
    VENV.mkdir(exist_ok=True)
    with one_at_a_time():
        installed = read_stamps()
        if installed.get("python") != this_python():
            if not made_by_this_python():
                make_environment()
            installed = {"python": this_python()}
        for name, files in (("base", ["torch-cpu.txt", "torch.txt", "cuda.txt", "base.txt"]), ("dev", ["dev.txt"])):
            stamp = digest(files)
            if installed.get(name) == stamp or (name == "dev" and not dev):
                continue
            begun = time.monotonic()
            if name == "base":
                install_base()
            else:
                pip_install("dev.txt", "test and check tools")
            installed[name] = stamp
            write_stamps(installed)
            say(f"installed in {time.monotonic() - begun:.0f} s")


def install_base() -> None:
    """torch first and alone, the GPU libraries if this very build of it wants them, then everything else."""
    if has_gpu() or not pip_install("torch-cpu.txt", "torch, CPU-only build", may_fail=True):
        pip_install("torch.txt", "torch")
    if subprocess.run([str(PYTHON), "-c", ASKS_FOR_GPU_LIBRARIES], check=False).returncode == 0:
        pip_install("cuda.txt", "GPU libraries for this build of torch (several GB)")
    pip_install("base.txt", "packages")
    checked = subprocess.run([str(PYTHON), "-m", "pip", "check"], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        raise InstallError(
            f"The installed packages do not fit together:\n{checked.stdout}{checked.stderr}"
            "Remove .venv and start again; if it stays, the lock files are wrong (make lock)."
        )


def make_environment() -> None:
    """A new, empty .venv: one that was made by another Python is of no use."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    for path in VENV.iterdir():
        if path.name == ".lock":
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise InstallError(
            f"Python could not make a virtual environment:\n{(made.stdout + made.stderr).strip()}\n"
            "On Debian and Ubuntu its parts come in a package of their own: apt-get install python3-venv"
        )


def has_gpu() -> bool:
    """Whether an NVIDIA driver runs here; the package index's build of torch is for such machines."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def pip_install(lock_file: str, what: str, *, may_fail: bool = False) -> bool:
    """One pip call for one lock file. `--no-deps`: the lock names everything, pip has nothing to decide.

    Returns whether it succeeded; raises InstallError when it did not and must (not `may_fail`).
    """
    total = len(requirement_names(lock_file))
    say(f"installing {what}" + (f" ({total})" if total > 1 else ""))
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += [
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--progress-bar",
        "off",
        "-r",
        str(HERE / lock_file),
    ]
    output: list[str] = []
    shown = 0
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            output.append(line.rstrip())
            if line.startswith(("Collecting ", "Requirement already satisfied", "Installing collected")):
                shown += 1
                show_progress(shown, total, line)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    if pip.returncode != 0 and may_fail:
        say(f"{what}: not offered here")
    elif pip.returncode != 0:
        tail = "\n".join(output[-12:])
        raise InstallError(
            f"pip could not install requirements/{lock_file}:\n{tail}\n"
            "Check that pip reaches its package index (proxy, certificates: see pip config list) and that there is "
            "room on the disk, then start again; what was done is kept."
        )
    return pip.returncode == 0


def show_progress(done: int, total: int, line: str) -> None:
    """One line that changes on a terminal; a line now and then in a log."""
    name = line.removeprefix("Requirement already satisfied:").removeprefix("Collecting").split()[0].split("==")[0]
    writing = line.startswith("Installing collected")
    text = f"unpacking {total} packages" if writing else f"{done}/{total} {name}"
    if sys.stdout.isatty():
        print(f"\r\033[K  install   {text}", end="", flush=True)
    elif total > 1 and (writing or done % 30 == 0):
        say(text)


def requirement_names(lock_file: str) -> list[str]:
    lines = (HERE / lock_file).read_text(encoding="utf-8").splitlines()
    return [line.split("==")[0] for line in lines if line[:1].isalnum() and "==" in line]


def digest(files: list[str]) -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in files)).hexdigest()


def this_python() -> str:
    """What makes an environment this Python's own: its version and where it stands."""
    return f"{sys.version.split()[0]} {Path(sys.base_prefix).resolve()}"


def made_by_this_python() -> bool:
    ask = "import sys, pip, pathlib; print(sys.version.split()[0], pathlib.Path(sys.base_prefix).resolve())"
    try:
        told = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return told.strip() == this_python()


def read_stamps() -> dict[str, str]:
    try:
        found = json.loads((VENV / "installed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_stamps(stamps: dict[str, str]) -> None:
    (VENV / "installed.json").write_text(json.dumps(stamps, indent=1), encoding="utf-8")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    with (VENV / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another installation into .venv is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    print(f"  install   {text}", flush=True)


if __name__ == "__main__":
    try:
        install(dev="dev" in sys.argv[1:])
    except InstallError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. What was installed so far is kept; start again to go on.")
