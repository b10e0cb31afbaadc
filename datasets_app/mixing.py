"""A version mixed with general rows: what the mix will hold, and of a version that is one, what it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms

from datasets_app import columns
from datasets_app.models import DatasetVersion
from engine.data import formats
from engine.data.convert import converted
from engine.data.errors import RowProblem
from engine.data.exports.limits import Inexpressible
from engine.data.mask import mask_text
from engine.data.repairs import settings_of
from engine.data.replay import SOURCE, UNREADABLE

# An operation names another version by this and its key; launching finds the file, and only in the same project.
KEY = "version-"
DEFAULTS: dict[str, Any] = settings_of({"op": "mix"})
NAME_SHOWN = 60
# Parents looked at, to learn whether a version comes from a mix.
MOST_PARENTS = 100


class MixForm(forms.Form):
    other = forms.ModelChoiceField(
        DatasetVersion.objects.none(),
        label="General rows",
        empty_label="Choose a version",
        help_text="What the model shall not forget: rows like those it was made with.",
    )
    ratio = forms.IntegerField(
        min_value=1,
        max_value=99,
        initial=round(DEFAULTS["ratio"] * 100),
        label="Share of this version",
        help_text="70 % task rows and 30 % general rows keep most of what the model could do before.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=DEFAULTS["seed"],
        help_text="The same seed takes the same rows and gives the same order.",
    )

    def __init__(self, version: DatasetVersion, data: Any = None) -> None:
        super().__init__(data)
        self.version = version
        others = DatasetVersion.objects.filter(dataset__project=version.dataset.project).exclude(pk=version.pk)
        field: Any = self.fields["other"]
        field.queryset = others.select_related("dataset").order_by("dataset__name", "number")
        self.fields["ratio"].unit = "%"  # type: ignore[attr-defined]

    def operation(self) -> dict[str, Any]:
        """For a valid form."""
        other: DatasetVersion = self.cleaned_data["other"]
        return {
            "op": "mix",
            "other": f"{KEY}{other.pk}",
            "ratio": self.cleaned_data["ratio"] / 100,
            "seed": self.cleaned_data["seed"],
            "name": name_of(self.version),
            "other_name": name_of(other),
        }


@dataclass(frozen=True)
class Fit:
    """How many of the ``looked`` first rows of the other version can be written in this one's shape, and what most of
    the others hold."""

    looked: int
    fits: int
    reason: str

    @property
    def none(self) -> bool:
        return self.looked > 0 and not self.fits


@dataclass(frozen=True)
class Outlook:
    """Rows of both sides as they will be; ``available`` is None when the other version has no finished audit."""

    own: int
    asked: int
    available: int | None
    own_shape: str
    other_shape: str
    fit: Fit

    @property
    def added(self) -> int:
        return self.asked if self.available is None else min(self.asked, self.available)

    @property
    def too_small(self) -> bool:
        return self.available is not None and self.available < self.asked

    @property
    def share(self) -> float:
        """Of this version, as it will really be."""
        return self.own / ((self.own + self.added) or 1)

    @property
    def used(self) -> float:
        return self.added / self.available if self.available else 0.0


def outlook(version: DatasetVersion, other: DatasetVersion, ratio: float) -> Outlook | None:
    """None while this version has no finished audit."""
    mine, theirs = _document(version), _document(other)
    if not mine:
        return None
    own = mine["rows"]["usable"] + mine["rows"]["unusable"]
    available = theirs["rows"]["usable"] if theirs else None
    asked = max(1, round(own * (1 - ratio) / ratio))
    return Outlook(own, asked, available, _shape(mine), _shape(theirs), _fit(other, mine.get("format") or ""))


def _fit(other: DatasetVersion, target: str) -> Fit:
    reasons: Counter[str] = Counter()
    records = columns.first_rows(other)
    for record in records:
        try:
            converted(record.row, target)
        except Inexpressible as problem:
            reasons[problem.reason] += 1
        except RowProblem:
            reasons[UNREADABLE] += 1
    reason = next((reason for reason, _ in reasons.most_common(1)), "")
    return Fit(len(records), len(records) - reasons.total(), reason)


def name_of(version: DatasetVersion) -> str:
    """What stands in ``source`` of its rows."""
    return f"{version.dataset.name[:NAME_SHOWN]} v{version.number}"


def other_files(version: DatasetVersion, operations: list[dict[str, Any]]) -> dict[str, str]:
    """Key → path of the versions of the same project that operations name. What is not there is left out, and the
    engine says so."""
    keys = {str(value) for operation in operations for value in operation.values() if str(value).startswith(KEY)}
    numbers = [int(key[len(KEY) :]) for key in keys if key[len(KEY) :].isascii() and key[len(KEY) :].isdigit()]
    known = DatasetVersion.objects.filter(dataset__project=version.dataset.project_id, pk__in=numbers)
    return {f"{KEY}{other.pk}": str(other.path) for other in known}


def mixed(version: DatasetVersion) -> dict[str, Any] | None:
    """Of a version that a mix made: its sources with their rows, and the version mixed in (None when it is gone)."""
    operation = _mix_of(version)
    if operation is None:
        return None
    told = version.operation
    added, marked = sum(told.get("added", {}).values()), told.get("changed", {}).get("mix", 0)
    before = max(0, told["rows_out"] - added - marked)
    sources = [(mask_text(name), rows) for name, rows in told.get("added", {}).items()]
    sources.insert(0, (mask_text(operation.get("name", "")), marked))
    if before:
        sources.append(("Sources they had before, and lines that are no rows", before))
    total = told["rows_out"] or 1
    number = str(operation.get("other", ""))[len(KEY) :]
    return {
        "sources": [(name, rows, rows / total) for name, rows in sources if rows],
        "other": _in_project(version, number),
        "seed": operation.get("seed", DEFAULTS["seed"]),
        "ratio": operation.get("ratio", DEFAULTS["ratio"]),
        "notes": [mask_text(note) for note in told.get("notes", [])],
    }


def comes_from_mix(version: DatasetVersion) -> bool:
    """Whether it, or one it was made from, is a mix: then its rows say their source."""
    looked: DatasetVersion | None = version
    for _ in range(MOST_PARENTS):
        if looked is None:
            return False
        if _mix_of(looked) is not None:
            return True
        looked = looked.parent
    return False


def default_column(version: DatasetVersion) -> str:
    """What a stratified split goes by when nobody says: the label; of a mix without labels, the source of a row."""
    document = _document(version)
    return SOURCE if document and not document.get("label_balance") and comes_from_mix(version) else ""


def _mix_of(version: DatasetVersion) -> dict[str, Any] | None:
    operations: list[dict[str, Any]] = version.operation.get("operations", [])
    return next((operation for operation in operations if operation.get("op") == "mix"), None)


def _in_project(version: DatasetVersion, number: str) -> DatasetVersion | None:
    if not (number.isascii() and number.isdigit()):
        return None
    known = DatasetVersion.objects.filter(dataset__project=version.dataset.project_id, pk=int(number))
    return known.select_related("dataset").first()


def _document(version: DatasetVersion) -> dict[str, Any]:
    audit = version.audits.filter(document__isnull=False).order_by("-id").first()
    document: dict[str, Any] = (audit.document if audit else None) or {}
    return {} if "refused" in document else document


def _shape(document: dict[str, Any]) -> str:
    name = document.get("format") or ""
    return formats.load(name).TITLE if name in formats.FORMATS else ""
