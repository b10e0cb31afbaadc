"""What the documents name is there: a renamed file or table fails here, not in a newcomer's hands."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.home import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], key=str)
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_it_names_only_files_that_exist(document: Path) -> None:
    quoted = re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)`", document.read_text(encoding="utf-8"))
    ours = [name for name in quoted if name.split("/")[0] in FOLDERS - {"var"}]
    assert [name for name in ours if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_it_links_only_to_files_that_exist(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("table", "module"),
    [
        ("CHECKS", "engine.data.checks"),
        ("FORMATS", "engine.data.formats"),
        ("REPAIRS", "engine.data.repairs"),
        ("METHODS", "engine.methods.table"),
        ("ADAPTERS", "engine.adapters.table"),
        ("METRICS", "engine.evaluation.metrics.table"),
    ],
)
def test_contributing_names_every_table_where_it_is(table: str, module: str) -> None:
    assert getattr(import_module(module), table)
    path = module.replace(".", "/")
    file = f"{path}.py" if (ROOT / f"{path}.py").exists() else f"{path}/__init__.py"
    told = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    section = next((part for part in told.split("## ") if f"`{table}`" in part), "")
    assert f"`{file}`" in section
