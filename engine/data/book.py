"""The findings of one audit: counted in full, kept row by row in the index, sampled for the document."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.data import index

Severity = Literal["blocker", "repair", "notice"]
LINES_SHOWN, GROUPS_SHOWN, GROUP_LINES_SHOWN = 1000, 200, 50
HELD = 10_000


@dataclass(frozen=True, slots=True)
class About:
    """What a finding is: its title, why it matters, what to do, and the repair operation that does it (or none)."""

    code: str
    title: str
    severity: Severity
    why: str
    remedy: str
    repair: str | None = None


@dataclass(slots=True)
class Finding:
    about: About
    severity: Severity
    count: int = 0
    surplus: int | None = None
    lines: list[int] = field(default_factory=list)
    groups: list[list[int]] | None = None
    kinds: dict[str, int] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as the document has it (DESIGN.md, Contracts)."""
        about = self.about
        shown: dict[str, Any] = {
            "code": about.code,
            "title": about.title,
            "severity": self.severity,
            "count": self.count,
        }
        if self.surplus is not None:
            shown["surplus"] = self.surplus
        shown["lines"] = sorted(self.lines)
        if self.groups is not None:
            shown["groups"] = self.groups
        if self.kinds:
            shown["kinds"] = dict(sorted(self.kinds.items()))
        return shown | {"why": about.why, "remedy": about.remedy, "repair": about.repair} | self.extra


class Book:
    """Where checks write. Memory is bounded: rows go to the index, the document gets the first of them."""

    def __init__(self, connection: sqlite3.Connection, abouts: list[About]) -> None:
        self._connection = connection
        self._abouts = {about.code: about for about in abouts}
        self._findings: dict[str, Finding] = {}
        self._held: list[tuple[str, int, int | None, str]] = []
        self._said: dict[str, dict[str, Any]] = {}
        self._groups = 0

    def finding(self, code: str) -> Finding:
        """The finding of this code, begun when it is first asked for. Raises KeyError for a code no check declares."""
        if code not in self._findings:
            about = self._abouts[code]
            self._findings[code] = Finding(about, about.severity)
        return self._findings[code]

    def has(self, code: str) -> bool:
        return code in self._findings

    def say(self, measures: Mapping[str, Mapping[str, Any]]) -> None:
        """How codes were looked for (``measure``, ``threshold``, ``cannot_see``), found or not: where nothing was
        found, the document still says what could not have been."""
        for code, said in measures.items():
            self._said[code] = {"looked": True, **said}
            if code in self._findings:
                self._findings[code].extra |= said

    def pass_over(self, measures: Mapping[str, Mapping[str, Any]], why_not: str) -> None:
        """These codes were not looked for: no count must be read as none."""
        for code, said in measures.items():
            self._said[code] = {"looked": False, "why_not": why_not, **said}

    def looked(self) -> list[dict[str, Any]]:
        """What ``say`` and ``pass_over`` were told, with what was found: {code, title, looked, count, measure, …}."""
        return [
            {
                "code": code,
                "title": self._abouts[code].title,
                "count": (self._findings[code].count if code in self._findings else 0) if said["looked"] else None,
                **said,
            }
            for code, said in self._said.items()
        ]

    def flag(self, code: str, number: int, line: int, note: str = "", kind: str = "", group: int | None = None) -> None:
        """One row has this finding. ``note`` says what was found in it, already masked."""
        finding = self.finding(code)
        finding.count += 1
        if len(finding.lines) < LINES_SHOWN:
            finding.lines.append(line)
        if kind:
            finding.kinds[kind] = finding.kinds.get(kind, 0) + 1
        self._held.append((code, number, group, note[:300]))
        if len(self._held) >= HELD:
            self.flush()

    def flag_group(self, code: str, rows: list[tuple[int, int]], note: str = "") -> None:
        """Rows (number, line) that belong together; all but one of them are surplus."""
        self._groups += 1
        for number, line in rows:
            self.flag(code, number, line, note, group=self._groups)
        finding = self.finding(code)
        finding.surplus = (finding.surplus or 0) + len(rows) - 1
        finding.groups = finding.groups if finding.groups is not None else []
        if len(finding.groups) < GROUPS_SHOWN:
            finding.groups.append([line for _, line in rows[:GROUP_LINES_SHOWN]])

    def flush(self) -> None:
        index.add_findings(self._connection, self._held)
        self._held.clear()

    def findings(self) -> list[Finding]:
        """All of them, the gravest first, then by the rows they touch."""
        grave = ("blocker", "repair", "notice")
        return sorted(self._findings.values(), key=lambda f: (grave.index(f.severity), -f.count, f.about.code))
