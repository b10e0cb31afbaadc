"""`manage.py register_model FOLDER`: puts a folder of this machine on the shelf of base models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_app.registering import NotAModel, register


class Command(BaseCommand):
    help = "Registers a model folder (config.json, tokenizer.json, *.safetensors) as a base model."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--name", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"].resolve()
        shelf = (Path(settings.WORKBENCH_HOME) / "models").resolve()
        # Models in the home folder are kept by their name below it, so that the folder may be moved.
        stored_as = str(folder.relative_to(shelf)) if folder.is_relative_to(shelf) else str(folder)
        try:
            model = register(folder, name=options["name"], stored_as=stored_as)
        except NotAModel as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{model.name}: {model.parameters:,} parameters, context {model.context_length}.")
