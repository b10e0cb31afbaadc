"""Print the path of a Chromium for the browser tests, installing one first where there is none.

Order: WORKBENCH_CHROMIUM, a browser on PATH, Debian's package (as root), Playwright's own download. When none of
these can be had it fails with what each one said: browser tests are never skipped in silence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser without any font draws empty boxes, and the screenshots are for people.
DEBIAN_PACKAGES = ("chromium", "fonts-liberation", "fonts-dejavu-core")


def find() -> str:
    """A browser that is there: named by WORKBENCH_CHROMIUM, on PATH, or downloaded by Playwright before; else ""."""
    named = os.environ.get("WORKBENCH_CHROMIUM")
    if named:
        return named
    on_path = next((found for name in NAMES if (found := shutil.which(name))), "")
    return on_path or from_playwright()


def from_playwright() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else ""


def install() -> str:
    """Install one and return its path; "" when nothing worked (the reasons are on standard error by then)."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        tell("installing Debian's chromium")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *DEBIAN_PACKAGES]):
            if not succeeds(command, environment):
                break
        if found := find():
            return found
    tell("downloading Playwright's own Chromium")
    succeeds([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))
    return from_playwright()


def succeeds(command: list[str], environment: dict[str, str]) -> bool:
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tell(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr).strip()[-1500:]}")
    return done.returncode == 0


def tell(text: str) -> None:
    print(f"  browser   {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    browser = find() or install()
    if not browser:
        sys.exit(
            "There is no Chromium for the browser tests, and none could be installed (see above).\n"
            "Install chromium or Google Chrome, or name one: make test WORKBENCH_CHROMIUM=/path/to/chrome"
        )
    print(browser)
