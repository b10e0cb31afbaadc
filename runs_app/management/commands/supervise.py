"""`manage.py supervise RUN TOKEN`: the detached supervisor of one run."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from runs_app.supervising import supervise


class Command(BaseCommand):
    help = "Supervises one run until it ends. Started by the dispatcher, not by hand."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("token")

    def handle(self, *args: Any, **options: Any) -> None:
        supervise(options["run"], options["token"])
