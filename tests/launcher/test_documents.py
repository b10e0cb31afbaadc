"""Lock files, settings and dependency documents say the same as the code; a change to one alone fails here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.home import ROOT

REQUIREMENTS = ROOT / "requirements"
LOCKS = ("base.txt", "torch.txt", "torch-cpu.txt", "cuda.txt", "dev.txt")


def asked_for(name: str) -> set[str]:
    lines = (REQUIREMENTS / name).read_text().splitlines()
    return {normal(re.split(r"[\[<>=!~ ]", line)[0]) for line in lines if line[:1].isalpha()}


def pins(name: str) -> dict[str, str]:
    lines = (REQUIREMENTS / name).read_text().splitlines()
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", line) for line in lines]
    return {normal(match.group(1)): match.group(2) for match in found if match}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_asked_for_is_locked() -> None:
    assert asked_for("base.in") <= pins("base.txt").keys() | pins("torch.txt").keys()
    assert asked_for("dev.in") <= pins("dev.txt").keys() | pins("base.txt").keys()


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    blocks = [block for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if block[:1].isalnum()]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_torch_is_pinned_apart_from_everything_else() -> None:
    assert pins("torch.txt") == {"torch": "2.13.0"}
    assert pins("torch-cpu.txt") == {"torch": "2.13.0+cpu"}
    elsewhere = pins("base.txt").keys() | pins("dev.txt").keys()
    assert not [name for name in elsewhere if name == "torch" or name.startswith(("nvidia-", "cuda-", "triton"))]


def test_no_package_is_pinned_in_two_lock_files() -> None:
    assert not pins("base.txt").keys() & pins("dev.txt").keys()


def test_every_dependency_says_why_it_is_there() -> None:
    said = {normal(word) for word in re.findall(r"[A-Za-z0-9._-]+", (ROOT / "docs" / "dependencies.md").read_text())}
    assert sorted((asked_for("base.in") | asked_for("dev.in")) - said) == []


def test_every_environment_variable_is_in_the_table_of_settings() -> None:
    read = set()
    for path in [ROOT / "requirements" / "browser.py", *sources("workbench"), *sources("engine")]:
        read |= set(re.findall(r"environ(?:\.get\(|\[)\s*[\"']([A-Z_]+)[\"']\s*[\]),](?!\s*=[^=])", path.read_text()))
    internal = {"DJANGO_SETTINGS_MODULE", "CUDA_VISIBLE_DEVICES"}
    table = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), flags=re.MULTILINE))
    assert {"PORT", "WORKBENCH_HOME", "REDIS_URL", "DATABASE_URL"} <= read
    assert sorted(read - internal - table) == []


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))
