"""The same web tests once more on PostgreSQL and a Redis server, where the machine has them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import pytest

from tests.home import ROOT

POSTGRES = "postgres://postgres@127.0.0.1:5432/test"
REDIS = "redis://127.0.0.1:6379/9"
# What touches the database or the broker in its own way: claims, constraints, streams, uploads, JSON columns.
DATA = ("upload_files", "audit_versions", "repair_versions", "mark_rows", "decide_findings", "split_versions")
TESTS = [
    *("tests/runs_app", "tests/test_access.py", "tests/projects_app", "tests/workbench"),
    *(f"tests/datasets_app/test_{verb}.py" for verb in DATA),
]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="this is the run on the servers")
def test_it_works_the_same_on_postgresql_and_redis() -> None:
    if not (_answers(5432) and _answers(6379)):
        pytest.skip("no PostgreSQL on 127.0.0.1:5432 or no Redis on 127.0.0.1:6379; the embedded kind was tested")
    ours = ("WORKBENCH_HOME", "REDIS_URL", "DATABASE_URL", "PYTEST_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # Two at a time: most of these wait for processes, leases and clocks.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", *TESTS, "-m", "not slow and not browser"],
        cwd=ROOT,
        env={**env, "DATABASE_URL": POSTGRES, "REDIS_URL": REDIS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 100
