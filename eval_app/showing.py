"""A results document as the tables of an evaluation's page: no database, no request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.evaluation.comparing import between
from engine.evaluation.gates.seen import is_real
from engine.evaluation.metrics import METRICS
from engine.evaluation.own_metrics import own_of
from engine.evaluation.significance import NO_DIFFERENCE
from engine.evaluation.slices import SLICED_BY
from engine.evaluation.words import as_gap

SLICES_SHOWN = 30


def real_keys(results: dict[str, Any]) -> list[str]:
    """The systems that are compared, the baseline first."""
    keys = [key for key in results["systems"] if is_real(results, key)]
    baseline = results["baseline"]
    return [baseline, *(key for key in keys if key != baseline)]


def named(results: dict[str, Any], keys: Iterable[str]) -> list[dict[str, str]]:
    return [{"key": key, "name": results["systems"][key]["name"]} for key in keys]


def label_of(name: str, results: dict[str, Any]) -> tuple[str, str]:
    """(label, help) of a metric, one of the project's own included."""
    found = (METRICS | own_of(results)).get(name)
    return (found.label, found.help) if found else (name, "")


def measures(results: dict[str, Any], keys: list[str], against: str) -> list[dict[str, Any]]:
    """One row a metric: every system's figure and, of two systems, the paired difference between them."""
    candidate = keys[-1] if len(keys) == 2 else None
    rows = []
    for name in results["systems"][results["baseline"]]["metrics"]:
        label, about = label_of(name, results)
        compared = between(results["comparisons"], name, keys[0], candidate) if candidate else None
        rows.append(
            {
                "label": label,
                "help": about,
                "primary": name == results["primary_metric"],
                "figures": [results["systems"][key]["metrics"].get(name) for key in keys],
                "comparison": compared,
            }
        )
    return rows


def differences(results: dict[str, Any], keys: list[str], against: str) -> list[dict[str, Any]]:
    """Of each other system its comparisons with ``against``, the primary metric first."""
    names = [results["primary_metric"]]
    names += [name for name in results["systems"][against]["metrics"] if name not in names]
    return [
        {
            "name": results["systems"][key]["name"],
            "rows": [row for name in names if (row := between(results["comparisons"], name, against, key))],
        }
        for key in keys
        if key != against
    ]


def powers(results: dict[str, Any], against: str) -> list[str]:
    """What the rows can show of each candidate on the metric that decides, and what the wished-for difference takes."""
    found = []
    for key in real_keys(results):
        row = between(results["comparisons"], results["primary_metric"], against, key) if key != against else None
        power = (row or {}).get("power") or {}
        if row is None or row["unit"] not in ("share", "score") or power.get("detectable") is None:
            continue
        name = results["systems"][key]["name"]
        shown = f"{row['n']} rows can show a difference of about {_size(power['detectable'], row['unit'])} (80 % power)"
        if row["verdict"] != NO_DIFFERENCE:
            found.append(f"{name}: {shown}.")
        elif power.get("rows_needed"):
            wish = _size(power["effect"], row["unit"])
            found.append(
                f"{name}: no difference shown; to see {wish} you need about {power['rows_needed']:,} rows. {shown}."
            )
        else:
            found.append(f"{name}: no difference shown. {shown}.")
    return found


def floors(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What answers without a model score: systems that flatter, and those computed from the references alone."""
    flat = [system for key, system in results["systems"].items() if not is_real(results, key)]
    primary = results["primary_metric"]
    every = [*flat, *(results.get("floor") or {}).values()]
    names = [name for name in results["systems"][results["baseline"]]["metrics"] if _somewhere(name, every)]
    names.sort(key=lambda name: name != primary)
    return [
        {
            "names": [label_of(name, results)[0] for name in names],
            "name": system["name"],
            "figures": [system["metrics"].get(name) for name in names],
        }
        for system in every
        if names
    ]


def forgettings(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each candidate what the general suites say of it, where they were asked."""
    return [
        {"name": results["systems"][key]["name"], "forgetting": verdict["forgetting"]}
        for key, verdict in (results.get("verdicts") or {}).items()
        if key in results["systems"] and is_real(results, key)
    ]


def slices(results: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """The slices, worst first, with bars where the metric is a share of one."""
    unit = METRICS[results["primary_metric"]].unit if results["primary_metric"] in METRICS else ""
    rows = [_slice(row, keys, results["baseline"], unit) for row in results.get("slices") or []]
    return {
        "rows": rows[:SLICES_SHOWN],
        "more": rows[SLICES_SHOWN:],
        "unit": unit,
        "label": label_of(results["primary_metric"], results)[0],
        "left_out": [(SLICED_BY[by], count) for by, count in (results.get("slices_left_out") or {}).items()],
    }


def _slice(row: dict[str, Any], keys: list[str], baseline: str, unit: str) -> dict[str, Any]:
    cells = [row["systems"].get(key) or {"value": None} for key in keys]
    bars = unit in ("share", "score")
    return {
        "by": SLICED_BY.get(row["by"], row["by"]),
        "value": row["value"],
        "link": f"{row['by']}:{row['value']}",
        "n": row["n"],
        "small": row["small"],
        "figures": [
            {**cell, "width": round(100 * cell["value"]) if bars and cell["value"] is not None else None}
            for cell in cells
        ],
        "comparisons": [row["comparisons"].get(key) for key in keys if key != baseline],
    }


def _somewhere(name: str, systems: list[dict[str, Any]]) -> bool:
    cells = [system["metrics"].get(name) for system in systems]
    return any(cell and cell["value"] is not None for cell in cells) and METRICS.get(name) is not None


def _size(value: float, unit: str) -> str:
    return as_gap(value, unit).lstrip("+")


def tables(results: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """The tables that stand beside figures (confusion, slots): one of a kind for each system."""
    found = []
    for key in keys:
        system = results["systems"][key]
        kinds: set[str] = set()
        for cell in system["metrics"].values():
            detail = (cell or {}).get("detail") or {}
            if detail.get("kind") in (None, *kinds):
                continue
            kinds.add(detail["kind"])
            what, lines = (
                ("Field", detail.get("slots")) if detail["kind"] == "slots" else ("Label", detail.get("per_label"))
            )
            found.append({"name": system["name"], "what": what, "lines": lines, **detail, "rows": _matrix(detail)})
    return found


def _matrix(detail: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """(label wanted, cells) of a confusion matrix; a cell knows whether it is right."""
    labels = detail.get("labels") or []
    return [
        (labels[i], [{"n": n, "right": i == j} for j, n in enumerate(row)])
        for i, row in enumerate(detail.get("matrix") or [])
    ]


def retrievals(results: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """What was retrieved, judged apart from what was generated, of the systems that retrieve."""
    systems = [results["systems"][key] for key in keys]
    return [{"name": system["name"], **system["retrieval"]} for system in systems if system.get("retrieval")]
