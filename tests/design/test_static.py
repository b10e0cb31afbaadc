"""The design system's files: vendored copies are what the manifest says, templates keep to the content policy."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OWN_JS = sorted((STATIC / "js").glob("*.js"))


def test_it_vendors_what_the_manifest_says() -> None:
    named = set()
    for library in MANIFEST["libraries"]:
        assert (VENDOR / library["licence_file"]).stat().st_size > 300, library["name"]
        for file in library["files"]:
            path = (VENDOR / file["path"]).resolve()
            named.add(path)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"], file["path"]
    found = {path for path in VENDOR.rglob("*") if path.is_file() and path.name not in ("LICENSE", "manifest.json")}
    assert found == {path for path in named if VENDOR in path.parents}


def test_it_vendors_the_versions_of_package_json() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    for library in MANIFEST["libraries"]:
        assert wanted[library["name"]] == library["version"]


def test_it_stays_under_three_megabytes() -> None:
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) < 3_000_000


def test_it_uses_only_icons_of_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    tags = (ROOT / "workbench" / "templatetags" / "ui.py").read_text()
    used = {(shape, "ui.py") for shape in re.findall(r'\("[^"]+", "([a-z-]+)", "[a-z]+"\)', tags)}
    for path in TEMPLATES:
        text = path.read_text()
        used |= {(name, path.name) for name in re.findall(r"""{% icon ["']([^"']+)["']""", text)}
        used |= {(name, path.name) for name in re.findall(r"""(?:icon_name|action_icon)=["']([^"']+)["']""", text)}
    assert len(used) > 20
    assert {pair for pair in used if pair[0] not in drawn} == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_it_keeps_templates_to_the_content_policy(path: Path) -> None:
    text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.S)
    assert not re.search(r"\son[a-z]+\s*=", text), "an inline handler"
    assert not re.search(r"\shx-on", text), "htmx evaluates hx-on, which the policy forbids"
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text), "an inline script"
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text), "another host"
    assert "javascript:" not in text


@pytest.mark.parametrize("path", OWN_JS, ids=lambda path: path.name)
def test_it_writes_text_and_never_markup(path: Path) -> None:
    # What comes from a dataset or a model is hostile; textContent cannot become markup.
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert "http://" not in text and "https://" not in text


def test_it_loads_nothing_from_another_host() -> None:
    sheets = [*(STATIC / "css").glob("*.css"), VENDOR / "tabler" / "tabler.min.css"]
    for sheet in sheets:
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.S)
        assert not re.search(r"""@import|url\(["']?(?:https?:)?//""", text), sheet.name
