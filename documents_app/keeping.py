"""Taking documents in, and throwing them away."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Sum

from documents_app.models import Document
from engine.data.documents import read_document
from engine.data.errors import DataError
from projects_app.models import Project

# A request with all its files has to fit in one slice of an upload (workbench/asgi.py).
MOST_BYTES = 4 << 20
# All of a project's passages are ranked in memory.
MOST_DOCUMENTS, MOST_BYTES_IN_ALL = 500, 64 << 20


def add_documents(
    project: Project, user: User, files: Sequence[UploadedFile[Any]]
) -> tuple[list[Document], list[DataError]]:
    """What was taken in, and for each other file why it was not: one bad file costs no other."""
    added: list[Document] = []
    refused: list[DataError] = []
    for file in files:
        try:
            added.append(_add(project, user, file))
        except DataError as error:
            refused.append(error)
    return added, refused


def _add(project: Project, user: User, file: UploadedFile[Any]) -> Document:
    name = shown_name(file.name or "")
    if (file.size or 0) > MOST_BYTES:
        raise DataError(
            f"{name} is larger than {MOST_BYTES >> 20} MB.", "Part it, for example by chapter, and upload the parts."
        )
    text = read_document(name, file.read())
    raw = text.encode()
    held = project.documents.aggregate(size=Sum("size"))["size"] or 0
    if project.documents.count() >= MOST_DOCUMENTS or held + len(raw) > MOST_BYTES_IN_ALL:
        raise DataError(
            f"{name} does not fit: a project holds {MOST_DOCUMENTS} documents and {MOST_BYTES_IN_ALL >> 20} MB.",
            "Delete documents that are not needed any more.",
        )
    document = Document(
        project=project, name=name, size=len(raw), words=len(text.split()), sha256=hashlib.sha256(raw).hexdigest(),
        created_by=user,
    )  # fmt: skip
    document.path.parent.mkdir(parents=True, exist_ok=True)
    part = document.path.with_suffix(".part")
    part.write_bytes(raw)
    try:
        with transaction.atomic():
            document.save(force_insert=True)
            part.replace(document.path)
    except IntegrityError:
        raise DataError(
            f"There is a document named {name} already.", "Delete it first, or give the file another name."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return document


def delete_document(document: Document) -> None:
    """The row first: a file without a row is only lost space."""
    path = document.path
    document.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def copy_for_run(document: Document, folder: Path) -> Path:
    """The document's file in a run's folder, where it stays when the document is deleted.

    Raises FileNotFoundError when the file has gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / document.path.name
    if not target.exists():
        try:
            os.link(document.path, target)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without hard links
            target.write_bytes(document.path.read_bytes())
    return target


def shown_name(filename: str) -> str:
    """The file's own name without folders and control characters, its ending kept."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in last if letter.isprintable()).strip()
    return name if len(name) <= 200 else name[:190] + name[-10:]
