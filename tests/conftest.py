"""The fixtures everybody shares. The cast itself is in tests/world.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.home import ROOT
from tests.world import World, build_tiny_model

pytest_plugins: list[str] = []

# Files that take minutes, most of them with one test: begun last, one process would wait for them.
LONG = (
    "tests/test_servers.py",
    "tests/browser/test_path.py",
    "tests/browser/",
    "tests/engine/training/",
    "tests/launcher/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; otherwise the order stays."""

    def place(item: pytest.Item) -> int:
        return next((place for place, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))

    items.sort(key=place)


@pytest.fixture(scope="session")
def starter_model() -> Path:
    """The converted starter model of this checkout; made when it is not there yet."""
    from engine.starter import ensure_starter

    folder = ROOT / "var" / "models" / "smollm2-135m-instruct"
    ensure_starter(folder, print)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of a few thousand weights with a byte-level tokenizer and a chat template, made once a session."""
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Public rows that lie beside the checkout on some machines; where they are absent the test is skipped aloud."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"public test rows are not on this machine ({folder})")
    return folder


@pytest.fixture
def world(db: None, tiny_model: Path) -> Iterator[World]:
    """The shared cast: an owner, a member, a reader and a stranger around one project, on a tiny model."""
    yield World.make(tiny_model)
    for name in ("runs", "datasets", "uploads"):
        shutil.rmtree(Path(settings.WORKBENCH_HOME) / name, ignore_errors=True)
