"""What each kind of system is asked, or answers by itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.data.examples import load as load_rows
from engine.errors import EngineError
from engine.evaluation.cases import Case
from engine.evaluation.spec import DocumentFile, read_spec
from engine.evaluation.systems import KINDS, load, read_options
from engine.evaluation.systems.materials import Materials
from engine.training.options import SpecError, describe

SYSTEM = {"role": "system", "content": "Name the department."}


def case(row: int, question: str, reference: str = "billing") -> Case:
    return Case(row, f"{row:064d}", row + 1, (SYSTEM, {"role": "user", "content": question}), reference)


CASES = [case(0, "Where is my parcel?", "shipping"), case(1, "I was charged twice for shoes", "billing")]
TRAINING = [
    ("The parcel has not come", "shipping"),
    ("My card does not work", "billing"),
    ("My shoes are too small", "returns"),
    ("WHERE IS MY PARCEL?", "leak"),
    ("You charged me twice, money back", "billing"),
]


@pytest.fixture
def materials(tmp_path: Path) -> Materials:
    path = tmp_path / "train.jsonl"
    rows = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in TRAINING]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    document = tmp_path / "a.txt"
    document.write_text("A parcel travels for 3 days.\n\nCards are charged once.\n\nShoes can be sent back.")
    return Materials(CASES, path, [DocumentFile("Handbook.md", document)])


def asked(kind: str, materials: Materials, **options: Any) -> Any:
    prompting = load(kind).prepare(read_options(kind, options, "here"), materials)
    return [prompting(one) for one in materials.cases]


def test_every_kind_has_options_that_a_form_can_be_made_of(materials: Materials) -> None:
    for name, kind in KINDS.items():
        for item in describe(load(name).Options):
            assert item.label and item.why, f"{name}.{item.name}"
        one = asked(name, materials)[0]
        assert (one.answer is not None) == (kind.answers == "rule"), name
        assert kind.flatters == (kind.answers == "rule"), name


@pytest.mark.parametrize("kind", ["base", "checkpoint", "model", "endpoint"])
def test_it_asks_the_row_as_it_stands(kind: str, materials: Materials) -> None:
    assert [one.messages for one in asked(kind, materials)] == [one.messages for one in CASES]


def test_it_puts_another_prompt_in_place_of_the_baseline_s(materials: Materials) -> None:
    first = asked("prompt", materials, system_prompt="One word.")[0]
    assert first.messages == ({"role": "system", "content": "One word."}, CASES[0].messages[1])
    assert asked("prompt", materials, system_prompt=" ")[0].messages == (CASES[0].messages[1],)


def test_random_examples_are_the_same_for_all_rows_and_for_a_seed(materials: Materials) -> None:
    one, other = asked("few_shot", materials, k=2, seed=7)
    assert one.messages[:-1] == other.messages[:-1]
    assert [turn["role"] for turn in one.messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert asked("few_shot", materials, k=2, seed=7)[0] == one
    assert any(asked("few_shot", materials, k=2, seed=seed)[0] != one for seed in range(5))


def test_the_nearest_example_stands_beside_the_question(materials: Materials) -> None:
    for one, nearest in zip(asked("few_shot", materials, k=2, pick="nearest"), (0, 4), strict=True):
        assert (one.messages[-3]["content"], one.messages[-2]["content"]) == TRAINING[nearest]


def test_no_row_of_the_evaluation_is_an_example(materials: Materials, tmp_path: Path) -> None:
    """Neither by its identity nor by its question, whatever its case."""
    shown = asked("few_shot", materials, k=32)[0].messages
    assert not any(turn["content"] == "leak" for turn in shown)
    path = tmp_path / "same.jsonl"
    row = {"messages": [{"role": "user", "content": "Only one"}, {"role": "assistant", "content": "yes"}]}
    path.write_text(json.dumps(row) + "\n")
    same = Case(0, load_rows(path)[0].row_id, 1, ({"role": "user", "content": "other words"},), "yes")
    with pytest.raises(EngineError, match="no training row"):
        asked("few_shot", Materials([same], path))


def test_passages_stand_before_the_question(materials: Materials) -> None:
    one, _ = asked("retrieval", materials, k=1, chunk_words=20, overlap=0)
    (passage,) = one.retrieved
    assert (passage.document, passage.chunk) == ("Handbook.md", 0) and passage.score > 0
    assert one.messages[-1]["content"].endswith("\n\nWhere is my parcel?")
    assert passage.text in one.messages[-1]["content"]
    assert one.messages[0] == SYSTEM


def test_retrieval_says_what_is_missing(materials: Materials) -> None:
    with pytest.raises(EngineError, match="no documents"):
        asked("retrieval", Materials(CASES))
    with pytest.raises(EngineError, match="no embedding model"):
        asked("retrieval", materials, ranker="embeddings")
    with pytest.raises(SpecError, match="overlap"):
        read_options("retrieval", {"chunk_words": 30, "overlap": 30}, "here")


def test_what_flatters_answers_at_once(materials: Materials) -> None:
    assert [one.answer for one in asked("majority", materials)] == ["billing", "billing"]
    assert [one.answer for one in asked("empty_json", materials)] == ["{}", "{}"]
    assert [one.answer for one in asked("copy_prompt", materials)] == [one.prompt for one in CASES]
    assert asked("majority", Materials([case(0, "a", "x"), case(1, "b", "y"), case(2, "c", "y")]))[0].answer == "y"


@pytest.mark.parametrize(
    ("systems", "found"),
    [
        ([{"key": "a", "kind": "oracle"}], "oracle"),
        ([{"key": "a", "kind": "few_shot", "options": {"k": 0}}], r"systems\.a\.k"),
        ([{"key": "a", "kind": "few_shot", "options": {"picks": "random"}}], "Did you mean pick"),
        ([{"key": "a", "kind": "endpoint"}], "no endpoint"),
    ],
)
def test_a_spec_is_refused_with_the_system_and_the_field(systems: list[dict[str, Any]], found: str) -> None:
    document = {
        "model": {"path": "/m"}, "data": {"rows": "/r"}, "task_type": "text", "systems": systems, "baseline": "a",
    }  # fmt: skip
    with pytest.raises(EngineError) as error:
        read_spec(document)
    assert error.value.reason == "Config"
    assert re.search(found, f"{error.value.text} {error.value.remedy}")


def test_an_old_spec_without_kinds_still_reads() -> None:
    document = {
        "model": {"path": "/m"}, "data": {"rows": "/r"}, "task_type": "text", "baseline": "base",
        "systems": [{"key": "base", "adapter": None, "model": None}, {"key": "tuned", "adapter": "/a", "model": None},
                    {"key": "full", "adapter": None, "model": "/f"}],
    }  # fmt: skip
    assert [one.kind for one in read_spec(document).systems] == ["base", "checkpoint", "checkpoint"]
