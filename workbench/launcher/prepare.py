"""The steps that need Django, in one process because loading Django is most of their time. Prints one line each:

migrated NUMBER       migrations applied; the web process can start now
model NAME            the starter model stands on the shelf
link URL              a one-time sign-in link

python -m workbench.launcher.prepare [STARTER_MODEL_FOLDER]     (without a folder: the link only)
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import django
from django.core.management import call_command


def prepare(starter: Path | None) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    django.setup()
    if starter is not None:
        print(f"migrated {migrate()}", flush=True)
        call_command("register_model", str(starter), stdout=io.StringIO())
        print(f"model {starter.name}", flush=True)
    link = io.StringIO()
    call_command("signin_link", stdout=link)
    print(f"link {link.getvalue().strip()}", flush=True)


def migrate() -> int:
    """Bring the database up to date; how many migrations that took."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        call_command("migrate", interactive=False, verbosity=0)
    return len(missing)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
