"""What the address of the rows page asks for: filters, order, page; and the same as an address and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from datasets_app import reports
from engine.data.rowtable import Where
from engine.events import plain

ORDERS = (
    ("", "As in the file"),
    ("-line", "Last line first"),
    ("-tokens", "Most tokens first"),
    ("tokens", "Fewest tokens first"),
    ("-characters", "Most characters first"),
    ("characters", "Fewest characters first"),
    ("label", "By class"),
    ("format", "By shape"),
    ("-findings", "Most findings first"),
)
NAMES = (
    "finding",
    "format",
    "label",
    "show",
    "cluster",
    "row",
    "line",
    "unit",
    "least",
    "most",
    "tag",
    "reviewed",
    "q",
    "sort",
)
LENGTH_UNITS = ("tokens", "characters")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of the rows page, cleaned: what is not understood is left out. ``page`` counts from 1."""

    values: dict[str, str]
    page: int

    @classmethod
    def of(cls, query: QueryDict) -> Asked:
        values = {name: plain(query.get(name, "").strip()[:200]) for name in NAMES}
        for name in ("least", "most", "cluster", "row", "line"):
            if not _is_number(values[name]):
                values[name] = ""
        if values["sort"] not in dict(ORDERS) and values["sort"] not in {"line", "-label", "-format", "findings"}:
            values["sort"] = ""
        if values["unit"] not in LENGTH_UNITS or not (values["least"] or values["most"]):
            values["unit"] = ""
        values["show"] = "unusable" if values["show"] == "unusable" else ""
        values["reviewed"] = "yes" if values["reviewed"] == "yes" else ""
        page = query.get("page", "")
        return cls({name: value for name, value in values.items() if value}, int(page) if _is_number(page) else 1)

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    def where(self, document: dict[str, Any]) -> Where:
        return Where(
            finding=self.get("finding"),
            format=self.get("format"),
            label=self.get("label"),
            unusable=bool(self.get("show")),
            unit=self.get("unit") or ("tokens" if document.get("tokens") else "characters"),
            least=_number(self.get("least")),
            most=_number(self.get("most")),
            numbers=self._numbers(document),
        )

    def _numbers(self, document: dict[str, Any]) -> list[int] | None:
        if row := self.get("row"):
            return [int(row)]
        cluster = self.get("cluster")
        return cluster_rows(document, int(cluster)) if cluster else None

    def address(self, **changes: str) -> str:
        """The query that says this, shortest; ``changes`` set a name, or with an empty text take it away. It begins
        on the first page."""
        values = {**self.values, **changes}
        return "?" + urlencode({name: value for name, value in values.items() if value})

    @property
    def here(self) -> str:
        """This very page, for the address bar."""
        return self.address(**({"page": str(self.page)} if self.page > 1 else {}))

    def chips(self, document: dict[str, Any]) -> list[tuple[str, str]]:
        """(what is filtered by, the address without it) of each filter but the finding, which has its own place."""
        shapes = {shape["name"]: shape["title"] for shape in document.get("formats", [])}
        words = {
            "q": f"Holds “{self.get('q')}”",
            "format": f"Shape: {shapes.get(self.get('format'), self.get('format'))}",
            "label": f"Class: {self.get('label')}",
            "show": "Not usable",
            "tag": f"Tag: {self.get('tag')}",
            "reviewed": "Reviewed",
            "row": f"Row {self.get('row')}",
            "line": f"Line {self.get('line')}",
            "cluster": f"Cluster {self.get('cluster')}: {cluster_terms(document, self.get('cluster'))}",
        }
        chips = [(text, self.address(**{name: ""})) for name, text in words.items() if self.get(name)]
        if self.get("least") or self.get("most"):
            unit = self.where(document).unit
            least, most = self.get("least"), self.get("most")
            between = f"{least} to {most}" if least and most else f"at least {least}" if least else f"at most {most}"
            chips.append((f"{between} {unit}", self.address(least="", most="", unit="")))
        return chips


def cluster_rows(document: dict[str, Any], cluster: int) -> list[int]:
    """Numbers of the rows of a cluster: those of the sample that the map shows."""
    points = (document.get("coverage") or {}).get("points", [])
    return [int(point[3]) for point in points if int(point[2]) == cluster]


def cluster_terms(document: dict[str, Any], cluster: str) -> str:
    clusters = (document.get("coverage") or {}).get("clusters", [])
    return next((", ".join(found["terms"][:4]) for found in clusters if str(found["id"]) == cluster), "")


def cluster_size(document: dict[str, Any], cluster: str) -> int:
    """How many rows the audit put in a cluster: the map draws some thousand points of all, and only they are listed."""
    clusters = (document.get("coverage") or {}).get("clusters", [])
    return next((int(found["count"]) for found in clusters if str(found["id"]) == cluster), 0)


def choices(document: dict[str, Any]) -> dict[str, Any]:
    """What can be chosen on the rows page of this audit."""
    balance = document.get("label_balance") or {}
    has_tokens = bool(document.get("tokens"))
    gone = {"tokens", "-tokens"} if not has_tokens else set()
    if not balance:
        gone.add("label")
    if len(document.get("formats", [])) < 2:
        gone.add("format")
    return {
        "orders": [(key, words) for key, words in ORDERS if key not in gone],
        "findings": [known for known in reports.findings(document) if known["code"] not in reports.PLACES],
        "shapes": document.get("formats", []) if len(document.get("formats", [])) > 1 else [],
        "classes": balance.get("labels", []),
        "units": LENGTH_UNITS if has_tokens else LENGTH_UNITS[1:],
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 10


def _number(text: str) -> int | None:
    return int(text) if text else None
