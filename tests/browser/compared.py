"""Puts a finished evaluation of six systems into the workbench whose home is in the environment, prints its address.

`python -m tests.browser.compared`. Its rows are recorded from files that the engine's own functions wrote."""

from __future__ import annotations

import json
from typing import Any

KINDS = ("refund", "defect", "delivery")
ROWS = 24
LONG = "I looked at the order again and again, and this is what I found about it in every detail. "


def ticket(row: int) -> dict[str, Any]:
    answer = {"category": KINDS[row % 3], "priority": ("low", "high")[row % 2], "order_id": f"Q-{1000 + row}"}
    said = f"Order Q-{1000 + row}: my lamp hums since {row + 1} May and nobody answers my letters."
    said += f" I ask for a {KINDS[row % 3]}."
    return {"prompt": said, "completion": json.dumps(answer)}


def tickets(count: int) -> list[dict[str, Any]]:
    """Test rows are the last of a split: the numbers of ``ticket`` are theirs."""
    return [ticket(row - (count - ROWS)) for row in range(count)]


def facts(row: int) -> dict[str, Any]:
    return {"label": KINDS[row % 3], "length": ("short", "long")[row % 2], "language": "en"}


def more(system: str, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {"refused": system == "base" and row % 6 == 2}
    if system == "documents":
        found["retrieved"] = [{"document": "Returns.md", "chunk": "Lamps are taken back within 30 days.", "score": 3.2}]
    if system == "larger" and row == 5:
        found["problem"] = "The endpoint answered 503 three times."
    return found


def base(row: int, reference: str) -> str:
    if row % 6 == 2:
        return "I'm sorry, but I can't help with that request."
    return reference if row % 4 == 0 else f"Sure! Here is the JSON: {reference}" if row % 2 else LONG * 14


def tuned(row: int, reference: str) -> str:
    if row % 8 == 4:
        return reference[:-1]
    return reference.replace("high", "low") if row % 8 == 7 else reference


def mostly(row: int, reference: str) -> str:
    return reference if row % 3 else reference.replace("Q-1", "Q-7")


SYSTEMS = {
    "base": base,
    "tuned": tuned,
    "few": mostly,
    "documents": lambda row, reference: reference if row % 5 else "{}",
    "larger": lambda row, reference: "" if row == 5 else reference,
    "empty": lambda row, reference: "{}",
}
NAMES = {
    "base": "SmolLM2 135M + baseline prompt",
    "tuned": "tickets-v3 · LoRA, step 75",
    "few": "SmolLM2 135M + 4 examples",
    "documents": "SmolLM2 135M + documents",
    "larger": "Larger model",
    "empty": "Always {}",
}


def main() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import User

    from models_app.models import BaseModel
    from projects_app.models import Membership, Project, Role
    from tests.eval_app.cast import recorded
    from tests.world import World

    person, model = User.objects.order_by("pk").first(), BaseModel.objects.order_by("pk").first()
    assert person is not None and model is not None
    project = Project.objects.create(name="Lamps", purpose="Tickets to JSON.", created_by=person)
    Membership.objects.get_or_create(project=project, user=person, defaults={"role": Role.OWNER})
    world = World(person, person, person, person, project, model)
    found = recorded(world, SYSTEMS, rows=ROWS, make=tickets, facts=facts, more=more)
    for key, name in NAMES.items():
        found.systems.filter(key=key).update(name=name)
        found.results["systems"][key]["name"] = name
    found.save(update_fields=["results"])
    print(found.get_absolute_url())


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    main()
