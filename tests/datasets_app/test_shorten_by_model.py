"""Rows are shortened by the tokenizer of the model that was chosen on the page."""

from __future__ import annotations

from pathlib import Path

from django.urls import reverse

from datasets_app import launching, repair_forms
from datasets_app.models import Repair
from models_app.models import BaseModel
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl


def test_the_form_offers_the_models_and_the_repair_takes_the_chosen_one(world: World, tmp_path: Path) -> None:
    other = BaseModel.objects.get(pk=world.base_model.pk)
    other.pk, other.name = None, "Another"
    other.save()
    long = {"prompt": "word " * 400, "completion": "Yes."}
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", [*ticket_rows(20), long]), tokens=True)
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    html = world.client("member").get(url, {"op": "shorten"}).content.decode()
    field = html[html.index('name="shorten-model"') :].split("</select>")[0]
    assert "Another" in field and "Tiny" in field
    sent = {
        "shorten-chosen": "on",
        "shorten-how": "cut",
        "shorten-cutoff_len": "128",
        "shorten-overlap": "0",
        "shorten-model": launching.model_key(other),
        "apply": "1",
    }
    assert world.client("member").post(url, sent).status_code == 302
    repair = Repair.objects.get()
    assert repair.operations == [{"op": "shorten", "cutoff_len": 128, "model": launching.model_key(other)}]
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None and repair.child.operation["changed"] == {"shorten": 1}


def test_without_a_model_the_field_says_where_to_add_one() -> None:
    (section,) = [one for one in repair_forms.sections([]) if one.op == "shorten"]
    assert "Add one on the Models page" in section.fields["model"].help_text
