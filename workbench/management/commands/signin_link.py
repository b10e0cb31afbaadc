"""`manage.py signin_link [NAME]`: a one-time address that signs a person in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from workbench import environment, links


class Command(BaseCommand):
    help = "Prints a one-time sign-in link for NAME, or for the owner of this installation."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        user = User.objects.filter(username=name).first() if name else links.owner()
        if user is None:
            raise CommandError(f"There is no person named {name}. An administrator adds people at /people/.")
        self.stdout.write(f"http://127.0.0.1:{environment.port()}{reverse('sign_in_by_link', args=[links.make(user)])}")
