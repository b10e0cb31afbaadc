"""What data can have wrong with it: a whole file refused, or one row that cannot be read."""

from __future__ import annotations

from engine.errors import EngineError


class DataError(EngineError):
    """Data that cannot be used as it is. ``found`` says what was met and where, ``remedy`` how to mend it."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__("Data", found, remedy)
        self.found = found


class FileRefused(DataError):
    """The file as a whole is not rows. ``kind`` is one word: empty, gzip, csv, utf16, ..."""

    def __init__(self, kind: str, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self.kind = kind

    def as_json(self) -> dict[str, str]:
        return {"reason": self.kind, "found": self.found, "remedy": self.remedy}


class RowProblem(DataError):
    """One row does not fit its shape. ``code`` is a finding code (DESIGN.md): wrong_type, empty_answer, ..."""

    def __init__(self, code: str, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self.code = code
