"""Rows of an unknown shape are read by saying what their columns are, after a try on the first rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from tests.datasets_app.cast import audited, page, version_of
from tests.world import World, run_to_end, write_jsonl

GERMAN = [{"id": n, "frage": f"Wo ist {n}?", "antwort": f"Bei {n}.", "meta": {"lang": "de"}} for n in range(40)]
CHOSEN = {"format": "prompt_completion", "column_prompt": "frage", "column_completion": "antwort"}
HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", GERMAN))


def url(world: World, version: DatasetVersion) -> str:
    return reverse("version_mapping", args=[world.project.pk, version.pk])


def get(world: World, version: DatasetVersion, **chosen: Any) -> str:
    answer = world.client("member").get(url(world, version), chosen)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_of_the_version_says_what_was_found_and_leads_there(world: World, version: DatasetVersion) -> None:
    html = page(world, version)
    assert "40 rows have no known shape" in html and url(world, version) in html
    assert url(world, version) not in page(world, version, role="reader")


def test_what_is_known_can_still_be_read_as_something_else(world: World, tmp_path: Path) -> None:
    rows = [{"text": f"row {n}", "label": "ab"[n % 2]} for n in range(40)]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    assert "Read it as another shape" in page(world, version)
    html = get(world, version)
    assert "40 rows read as <strong>" in html and "<code>text</code>, <code>label</code>" in html
    assert "Of the first 40 rows <strong>40</strong> can be read" in get(
        world, version, format="text", column_text="text"
    )


def test_the_columns_are_guessed_and_tried(world: World, version: DatasetVersion) -> None:
    html = get(world, version)
    assert '<option value="frage" selected>' in html
    assert "No known shape has the columns" in html and ">meta.lang</code>" in html
    html = get(world, version, **CHOSEN, shown="prompt_completion")
    assert "Of the first 40 rows <strong>40</strong> can be read" in html and "Bei 0." in html


def test_while_choosing_only_the_choice_is_sent_again(world: World, version: DatasetVersion) -> None:
    headers = {"HX-Request": "true", "HX-Target": "choice"}
    answer = world.client("member").get(url(world, version), CHOSEN, headers=headers).content.decode()
    assert answer.strip().startswith('<div id="choice"') and "<html" not in answer


def test_what_does_not_fit_is_said_in_words(world: World, tmp_path: Path) -> None:
    rows = [*GERMAN[:7], {"frage": "ann@example.com?"}, {"frage": "Und?", "antwort": ""}]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    html = get(world, version, **CHOSEN, shown="prompt_completion")
    assert "Of the first 9 rows <strong>7</strong> can be read" in html
    assert "1 row: The row has no column &#x27;antwort&#x27;." in html and "ann@example.com" not in html


def test_the_new_version_holds_all_rows_in_the_shape(world: World, version: DatasetVersion) -> None:
    answer = world.client("member").post(url(world, version), CHOSEN)
    repair = Repair.objects.get()
    assert answer["Location"] == repair.get_absolute_url()
    assert repair.operations == [
        {
            "op": "map",
            "mapping": {"format": "prompt_completion", "columns": {"prompt": "frage", "completion": "antwort"}},
        }
    ]
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None and repair.child.parent == version and repair.child.audit is not None
    run_to_end(repair.child.audit.run)
    document = DatasetVersion.objects.get(pk=repair.child.pk).audit.document
    assert document["rows"]["usable"] == 40 and document["format"] == "prompt_completion"


def test_a_fixed_text_and_thumbs_in_other_words(world: World, tmp_path: Path) -> None:
    rows = [{"q": f"Wo ist {n}?", "a": f"Bei {n}.", "rated": ["Good", "poor", 1, "?"][n % 4]} for n in range(40)]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    chosen = {"format": "kto", "column_prompt": "q", "column_completion": "a", "column_label": "rated"}
    html = get(world, version, **chosen, shown="kto")
    assert 'value="Good, 1"' in html and 'value="poor, ?"' in html
    chosen |= {"shown": "kto", "shown_label": "rated", "good": "good, 1", "bad": "poor"}
    html = get(world, version, **chosen)
    assert "Of the first 40 rows <strong>30</strong> can be read" in html and "neither among true nor" in html
    html = get(world, version, format="prompt_completion", shown="prompt_completion", column_prompt="q",
               column_completion="a", column_system="=", fixed_system="Answer in German.")  # fmt: skip
    assert "Answer in German." in html and "<strong>40</strong>" in html


def test_hostile_names_are_inert_and_columns_that_are_not_there_are_not_taken(world: World, tmp_path: Path) -> None:
    rows = [{HOSTILE: f"Wo ist {n}?", "constructor": f"Bei {n}.", "ann@example.com": 1} for n in range(20)]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    chosen = {"format": "prompt_completion", "column_prompt": HOSTILE, "column_completion": "constructor"}
    html = get(world, version, **chosen)
    assert "<img" not in html and "<strong>20</strong> can be read" in html and ">ann@example.com<" not in html
    answer = world.client("member").post(url(world, version), chosen | {"column_prompt": "absent"})
    assert answer.status_code == 400 and b"not in the file" in answer.content
    assert world.client("member").post(url(world, version), {"format": "novel"}).status_code == 400
    assert not Repair.objects.exists()


def test_a_version_without_an_audit_waits(world: World, tmp_path: Path) -> None:
    version = version_of(world, write_jsonl(tmp_path / "rows.jsonl", GERMAN))
    answer = world.client("member").post(url(world, version), CHOSEN)
    assert answer.status_code == 400 and b"no finished audit" in answer.content


PUBLIC = Path("/work/shared/data")
UNKNOWN = {
    "ifeval/input_data.jsonl": "no answer beside it",
    "fastchat/mt_bench__question.jsonl": "'turns'",
    "fastchat/mt_bench__reference_answer__gpt-4.jsonl": "'choices' holds a list of 1 objects",
    "fastchat/judge_prompts.jsonl": "'prompt_template'",
    "llm_decontaminator/database/CodeAlpacaDB.jsonl": "'results'",
    "do_not_answer/human_chatbox.jsonl": "no answer beside it",
}


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public sets are not here")
@pytest.mark.parametrize(("name", "says"), sorted(UNKNOWN.items()))
def test_public_sets_of_no_known_shape_say_what_was_found(world: World, name: str, says: str) -> None:
    version = audited(world, PUBLIC / name)
    html = get(world, version).replace("&#x27;", "'")
    assert "of no known shape" in html and says in html
    assert url(world, version) in page(world, version)
