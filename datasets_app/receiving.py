"""Files on their way in: slices are appended at a known offset, and the whole becomes a dataset version.

What has arrived is the smaller of what the row and the file say, so a server killed at any moment only costs the
slice it was writing. One writer at a time holds the file's lock; the row moves by compare-and-set.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from datasets_app import launching, opening
from datasets_app.models import Dataset, DatasetVersion, Upload, stored_path
from projects_app.models import Project

ASK_AGAIN = "Ask where the upload stands, then go on from there."
BLOCK = 1 << 20
# Left free for the database, the audit's index and the logs of runs that are already going.
KEEP_FREE = 512 << 20
ABANDONED = timedelta(days=7)
MOST_BYTES = 1 << 42


class UploadRefused(Exception):
    """The server does not take this. ``status`` is the HTTP status; found and remedy are for the person."""

    def __init__(self, status: int, found: str, remedy: str) -> None:
        super().__init__(found)
        self.status = status
        self.found = found
        self.remedy = remedy


def begin(project: Project, user: User, *, filename: str, size: int) -> Upload:
    """A new upload. Raises UploadRefused for an empty file and for one that the disk has no room for."""
    _discard_abandoned()
    if size == 0:
        raise UploadRefused(400, "The file is empty (0 bytes).", "Choose a file with one JSON object on each line.")
    room = free_bytes()
    if size > room:
        raise UploadRefused(
            413,
            f"The file has {size / 1e9:.1f} GB and the disk of the workbench has room for {max(room, 0) / 1e9:.1f} GB.",
            "Free some space on that disk, or upload a smaller file.",
        )
    upload = Upload(project=project, created_by=user, filename=shown_name(filename), size=size)
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.touch(mode=0o600)
    upload.save(force_insert=True)
    return upload


def free_bytes() -> int:
    """What a new upload may have: the free disk, less what open uploads were promised and a reserve."""
    waiting = Upload.objects.filter(version=None).values_list("size", "received")
    promised = sum(size - received for size, received in waiting)
    return min(MOST_BYTES, shutil.disk_usage(settings.WORKBENCH_HOME).free - promised - KEEP_FREE)


def append(upload: Upload, offset: int, blocks: Iterable[bytes]) -> int:
    """Writes a slice at ``offset`` and returns the new one.

    Raises UploadRefused: 423 while another writer holds the file, 409 when ``offset`` is not where the upload
    stands, 413 when the slice runs past the promised size, 507 when the disk is full.
    """
    with _locked(upload) as file:
        upload.refresh_from_db(fields=["received", "version"])
        stands, known = upload.offset, upload.received
        if offset != stands:
            raise UploadRefused(409, f"The upload stands at byte {stands}, not {offset}.", ASK_AGAIN)
        file.truncate(offset)
        file.seek(offset)
        end = offset
        try:
            for block in blocks:
                end += len(block)
                if end > upload.size:
                    found = f"The slice ends at byte {end} of a file of {upload.size}."
                    raise UploadRefused(413, found, "Send the file again.")
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            file.truncate(offset)
            found = f"The slice could not be written: {error.strerror}."
            raise UploadRefused(507, found, "Free some disk space, then press Go on.") from error
        if not Upload.objects.filter(pk=upload.pk, received=known).update(received=end):
            raise UploadRefused(409, "Another writer was faster.", ASK_AGAIN)
        upload.received = end
    return end


def finish(upload: Upload) -> DatasetVersion | None:
    """Turns a whole upload into version 1 of a new dataset and starts its audit. Doing it twice does it once.

    None for a packed file that takes long to open: a run does that, and makes the version when it has.
    """
    with _locked(upload) as file:
        upload.refresh_from_db(fields=["version", "run"])
        if upload.version is not None:  # another request was faster; opening the lock made an empty file again
            upload.path.unlink(missing_ok=True)
        if upload.version is not None or upload.run is not None:
            return upload.version
        if (size := os.fstat(file.fileno()).st_size) != upload.size:
            raise UploadRefused(409, f"{size} of {upload.size} bytes are here.", "Send the rest of the file first.")
        try:
            with opening.unpacked(upload.path, upload.filename, free_bytes()) as rows, transaction.atomic():
                become_version(upload, hash_of(file), rows)
        except opening.NotOpened as why:
            raise UploadRefused(413, why.found, why.remedy) from None
        except opening.TakesLong:
            launching.start_unpack(upload, max(free_bytes(), 0))
            return None
    upload.path.unlink(missing_ok=True)
    return upload.version


def become_version(upload: Upload, sha256: str, rows: opening.Rows | None) -> None:
    """Stores ``rows``, or the file as it came (its digest is ``sha256``), as a new dataset whose audit is started.
    Called inside a transaction; the caller takes the uploaded file away after it."""
    name, stored, size, made_by = upload.filename, sha256, upload.size, {"op": "upload"}
    if rows is not None:
        name, stored, size = rows.filename, rows.sha256, rows.bytes
        made_by |= rows.operation | {"name": upload.filename, "sha256": sha256, "bytes": upload.size}
    _keep(rows.path if rows else upload.path, stored_path(stored))
    upload.version = add_dataset(
        upload.project, upload.created_by, filename=name, sha256=stored, size=size, operation=made_by
    )
    upload.save(update_fields=["version"])
    launching.start_audit(upload.version, upload.created_by)


def discard(upload: Upload) -> None:
    """Forgets an upload that never became a version, with its bytes. Raises UploadRefused while it is opened."""
    if upload.is_being_opened:
        raise UploadRefused(409, "The file is being unpacked.", "Stop that on the Data page first.")
    upload.path.unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk, version=None).delete()


def add_dataset(
    project: Project,
    user: User,
    *,
    filename: str,
    sha256: str,
    size: int,
    operation: dict[str, Any] | None = None,
) -> DatasetVersion:
    """Version 1 of a new dataset, named after its file."""
    stem = Path(filename).stem[:110] or "data"
    taken = set(project.datasets.filter(name__startswith=stem).values_list("name", flat=True))
    name = next(name for name in (stem, *(f"{stem} ({n})" for n in range(2, len(taken) + 3))) if name not in taken)
    dataset = Dataset.objects.create(project=project, name=name, created_by=user)
    made_by = operation or {"op": "upload"}
    return dataset.add_version(filename=filename, sha256=sha256, size=size, created_by=user, operation=made_by)


def store_copy(source: Path) -> tuple[str, int]:
    """Copies a file of the program itself into the store; returns its SHA-256 and size."""
    with source.open("rb") as file:
        sha256 = hash_of(file)
    target = stored_path(sha256)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part := target.with_suffix(".part"))
        part.replace(target)
    return sha256, target.stat().st_size


def store_bytes(content: bytes) -> tuple[str, int]:
    """Stores rows that the program wrote itself; returns their SHA-256 and size."""
    sha256 = hashlib.sha256(content).hexdigest()
    target = stored_path(sha256)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_bytes(content)
        part.replace(target)
    return sha256, len(content)


def hash_of(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def shown_name(filename: str) -> str:
    """The file's own name as it may be shown: no folders, no control or direction characters, at most 255 long."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip()
    return name[:200] + name[200:][-55:] or "data.jsonl"


@contextlib.contextmanager
def _locked(upload: Upload) -> Iterator[BinaryIO]:
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    with upload.path.open("r+b" if upload.path.exists() else "w+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadRefused(423, "Another tab is sending this file.", "Wait for it, or close that tab.") from None
        yield file


def _keep(part: Path, target: Path) -> None:
    """Gives the bytes their content address. The part stays until the row is written, so a crash can be resumed."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(part, target)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        shutil.copyfile(part, copy := target.with_suffix(f".{part.stem}"))
        copy.replace(target)


def _discard_abandoned() -> None:
    for upload in Upload.objects.filter(version=None, created_at__lt=timezone.now() - ABANDONED):
        if not upload.is_being_opened:
            discard(upload)
