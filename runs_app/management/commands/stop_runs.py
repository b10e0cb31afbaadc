"""`manage.py stop_runs`: what `make run` does with running jobs when it is told to end."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from runs_app.supervising import stop_all


class Command(BaseCommand):
    help = "Asks every running job to save a checkpoint and wait in the queue; the next start resumes them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=20.0, help="how long a job may take to save")

    def handle(self, *args: Any, **options: Any) -> None:
        hard = stop_all(seconds=options["seconds"])
        if hard:
            self.stdout.write(f"{hard} job(s) did not save in time; they resume from their last checkpoint.")
