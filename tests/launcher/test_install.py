"""requirements/install.py: makes .venv, takes only files with the locked hash, and does nothing twice.

It is run as `make run` runs it, in a folder of its own, on a package made here; nothing comes from the network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.home import ROOT


class Checkout:
    """A folder with the installer, lock files of its own and a shelf of wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        (folder / "requirements").mkdir()
        shutil.copy(ROOT / "requirements" / "install.py", folder / "requirements")
        digest = self.wheel("plain_thing", "1.0")
        self.lock("torch-cpu.txt", "absent_thing==1.0+cpu", "0" * 64)
        self.lock("torch.txt", "plain_thing==1.0", digest)
        self.lock("cuda.txt", "absent_thing==1.0", "0" * 64)
        self.lock("base.txt", "plain_thing==1.0", digest)
        self.lock("dev.txt", "plain_thing==1.0", digest)

    def wheel(self, name: str, version: str) -> str:
        path = self.shelf / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def lock(self, name: str, pin: str, digest: str) -> None:
        (self.folder / "requirements" / name).write_text(f"{pin} \\\n    --hash=sha256:{digest}\n")

    def install(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.shelf), "PIP_CONFIG_FILE": os.devnull}
        command = [sys.executable, "requirements/install.py", *words]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def version(self) -> str:
        ask = "import plain_thing; print(plain_thing.VERSION)"
        command = [str(self.folder / ".venv" / "bin" / "python"), "-c", ask]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_installs_what_is_locked_and_nothing_the_second_time(checkout: Checkout) -> None:
    first = checkout.install()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "CPU-only build: not offered here" in first.stdout
    assert checkout.version() == "1.0"
    assert checkout.install().stdout == ""
    assert "test and check tools" in checkout.install("dev").stdout
    assert checkout.install("dev").stdout == ""

    checkout.lock("base.txt", "plain_thing==2.0", checkout.wheel("plain_thing", "2.0"))
    again = checkout.install()
    assert again.returncode == 0, again.stdout + again.stderr
    assert checkout.version() == "2.0"


def test_it_refuses_a_file_with_another_hash(checkout: Checkout) -> None:
    checkout.lock("torch.txt", "plain_thing==1.0", "f" * 64)
    refused = checkout.install()
    assert refused.returncode == 1
    assert "pip could not install requirements/torch.txt" in refused.stderr
    assert "f" * 64 in refused.stderr
    assert "start again" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_makes_the_environment_anew_when_it_is_another_pythons(checkout: Checkout) -> None:
    python = checkout.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho 3.9.0 /usr\n")
    python.chmod(0o755)
    (checkout.folder / ".venv" / "left-over").touch()
    made = checkout.install()
    assert made.returncode == 0, made.stdout + made.stderr
    assert "making .venv" in made.stdout
    assert not (checkout.folder / ".venv" / "left-over").exists()
    assert checkout.version() == "1.0"
