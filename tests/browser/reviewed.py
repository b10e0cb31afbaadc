"""Puts an ended evaluation and a second person into the workbench whose home is in the environment, prints its address.

`python -m tests.browser.reviewed`; with `decide`, what people decide of all reviews but for the first items."""

from __future__ import annotations

import json
import sys
from typing import Any

SECOND_PERSON = "ida"
GOOD, POOR = "tuned", "base"
# As many as a split of preferences wants; the first of each person are decided in the browser.
ROWS, LOOKED_AT = 54, 6


def tickets(count: int) -> list[dict[str, Any]]:
    """No two have many words in common: near-duplicates would stay on one side of a split."""
    return [
        {
            "prompt": f"Lamp{n} of shop{n} hums{n} since{n} May{n}, order{n} Q-{n}.",
            "completion": json.dumps({"category": "defect", "order_id": f"Q-{n}"}),
        }
        for n in range(count)
    ]


def decide() -> None:
    from django.utils import timezone

    from review_app.models import Answer, Decision

    for each in Decision.objects.filter(number__gt=LOOKED_AT):
        each.answer, each.place, each.seconds = Answer.WON, each.order.index(GOOD) + 1, 4.0
        each.decided_at = timezone.now()
        each.save(update_fields=["answer", "place", "seconds", "decided_at"])
    print("decided")


def evaluate() -> None:
    from django.contrib.auth.models import User

    from models_app.models import BaseModel
    from projects_app.models import Membership, Project, Role
    from tests.eval_app.cast import recorded
    from tests.world import World

    person, model = User.objects.order_by("pk").first(), BaseModel.objects.order_by("pk").first()
    assert person is not None
    assert model is not None
    other = User.objects.create_user(SECOND_PERSON)
    project = Project.objects.create(name="Lamps", purpose="Tickets to JSON.", created_by=person)
    Membership.objects.create(project=project, user=person, role=Role.OWNER)
    Membership.objects.create(project=project, user=other, role=Role.MEMBER)
    world = World(person, person, person, person, project, model)
    say = {
        POOR: lambda row, reference: f"Sure! Here is the JSON you asked for: {reference}",
        GOOD: lambda row, reference: reference,
    }
    found = recorded(world, say, rows=ROWS, make=tickets)
    found.name = "Lamps, June"
    for key, name in ((POOR, "SmolLM2 as it is"), (GOOD, "tickets-v3, step 75")):
        found.systems.filter(key=key).update(name=name)
        found.results["systems"][key]["name"] = name
    found.save(update_fields=["name", "results"])
    print(found.get_absolute_url())


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    django.setup()
    decide() if "decide" in sys.argv else evaluate()
